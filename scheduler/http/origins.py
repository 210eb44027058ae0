"""Whose address a request came from, for limits that are of a household and not of its neighbours.

Who asks is who connects, or whom a proxy speaks for that TRUSTED_PROXIES names; the server sees to
that before any door. Pure.
"""

from ipaddress import IPv6Address, ip_address, ip_network

HOUSEHOLD = {4: 32, 6: 56}
"""A home has one address of the old kind, and of the new kind as many as it likes (RFC 6177)."""
NEIGHBOURHOOD = {4: 24, 6: 56}


def household(origin: str) -> str:
    """What one home or clinic shares: an IPv4 address, or an IPv6 network. Empty: tells nobody."""
    return _around(origin, HOUSEHOLD).removesuffix("/32")


def origin_and_network(origin: str) -> tuple[str, str]:
    """An address and its network: /24, or /56 where a home gets so much. Empty: tells nobody."""
    network = _around(origin, NEIGHBOURHOOD)
    if "/" not in network:
        return network, ""
    return _around(origin, {4: 32, 6: 128}).split("/")[0], network


def _around(origin: str, length: dict[int, int]) -> str:
    """The network of some length around an address. What is no address is as it is.

    This machine's own address stands for everybody behind a proxy that does not say who asks: a
    budget on it would shut the form for the whole clinic.
    """
    try:
        address = ip_address(origin)
    except ValueError:
        return origin
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    if address.is_loopback:
        return ""
    return str(ip_network((address, length[address.version]), strict=False))
