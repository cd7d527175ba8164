"""Network addresses that requests come from."""

from ipaddress import IPv6Address

import pytest
from fastapi import Request
from hypothesis import given, strategies as st

from fastapi_crud.auth.addresses import client_address


def request_from(host: str | None) -> Request:
    headers = [(b"x-forwarded-for", b"203.0.113.9"), (b"forwarded", b"for=203.0.113.9")]
    client = None if host is None else (host, 50000)
    return Request({"type": "http", "headers": headers, "client": client})


@pytest.mark.parametrize(
    ("host", "address"),
    [
        pytest.param("192.0.2.1", "192.0.2.1", id="IPv4"),
        pytest.param("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64", id="IPv6"),
        pytest.param("2001:DB8::1", "2001:db8::/64", id="IPv6 in capitals"),
        pytest.param("fe80::1%eth0", "fe80::/64", id="IPv6 with a zone"),
        pytest.param("::1", "::/64", id="IPv6 loopback"),
        pytest.param("::ffff:192.0.2.1", "192.0.2.1", id="IPv4 mapped to IPv6"),
        pytest.param("::ffff:c000:201", "192.0.2.1", id="the same in hexadecimal"),
        pytest.param("testclient", "testclient", id="test client"),
        pytest.param("", "unknown", id="empty"),
        pytest.param(None, "unknown", id="Unix socket"),
    ],
)
def test_where_a_request_comes_from(host: str | None, address: str) -> None:
    """Which address is a client known by, whatever its headers claim?"""
    assert client_address(request_from(host)) == address


@given(network=st.integers(1, 2**64 - 1), hosts=st.tuples(*[st.integers(0, 2**64 - 1)] * 2))
def test_one_customer_has_one_address(network: int, hosts: tuple[int, int]) -> None:
    """Is every host of an IPv6 network of 64 bits the same, and none of the next network?"""
    one, other = (str(IPv6Address(network << 64 | host)) for host in hosts)
    neighbour = str(IPv6Address((network ^ 1) << 64 | 2**63))
    assert client_address(request_from(one)) == client_address(request_from(other))
    assert client_address(request_from(one)) != client_address(request_from(neighbour))
