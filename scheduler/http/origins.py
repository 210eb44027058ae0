"""Groups IP addresses into households and networks, for limits per origin.

The address is that of the connection or, behind a proxy that TRUSTED_PROXIES names, the one that
the proxy reports. The server takes care of that before any route. Pure.
"""

from ipaddress import IPv6Address, ip_address, ip_network

HOUSEHOLD = {4: 32, 6: 56}
"""Prefix lengths. A home has one IPv4 address, and a /56 of IPv6 addresses (RFC 6177)."""
NETWORK = {4: 24, 6: 56}


def household(origin: str) -> str:
    """The key that one home or clinic shares: an IPv4 address, or an IPv6 /56. Empty if unknown."""
    return _around(origin, HOUSEHOLD).removesuffix("/32")


def origin_and_network(origin: str) -> tuple[str, str]:
    """An address and its network: a /24 for IPv4, a /56 for IPv6. Empty if unknown."""
    network = _around(origin, NETWORK)
    if "/" not in network:
        return network, ""
    return _around(origin, {4: 32, 6: 128}).split("/")[0], network


def _around(origin: str, prefix: dict[int, int]) -> str:
    """The network around an address, by prefix length. Any other string is returned unchanged.

    A loopback address gives an empty string: it means a proxy that does not report its clients, and
    a limit on it would close the form for everyone.
    """
    try:
        address = ip_address(origin)
    except ValueError:
        return origin
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    if address.is_loopback:
        return ""
    return str(ip_network((address, prefix[address.version]), strict=False))
