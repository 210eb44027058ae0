"""Limits are shared by a household, and for texted codes also by its network."""

import pytest

from scheduler.http.origins import household, origin_and_network


@pytest.mark.parametrize(
    ("origin", "home", "network"),
    [
        ("192.0.2.7", "192.0.2.7", ("192.0.2.7", "192.0.2.0/24")),
        (
            "2001:db8:1:2::3",
            "2001:db8:1::/56",
            ("2001:db8:1:2::3", "2001:db8:1::/56"),
        ),
        ("::ffff:192.0.2.7", "192.0.2.7", ("192.0.2.7", "192.0.2.0/24")),
        ("127.0.0.1", "", ("", "")),
        ("::1", "", ("", "")),
        ("fe80::1%eth0", "fe80::/56", ("fe80::1%eth0", "fe80::/56")),
        ("", "", ("", "")),
        ("testclient", "testclient", ("testclient", "")),
    ],
)
def test_an_address_belongs_to_a_household_and_a_network(
    origin: str, home: str, network: tuple[str, str]
) -> None:
    assert household(origin) == home
    assert household(home) == home, "an answer may be asked about again"
    assert origin_and_network(origin) == network
