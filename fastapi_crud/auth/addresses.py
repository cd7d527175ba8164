"""Network addresses that requests come from."""

from ipaddress import IPv6Address, ip_address, ip_network

from starlette.requests import Request


def client_address(request: Request) -> str:
    """Give the address that a request came from; of IPv6 the network, for it is one customer's.

    Headers are not believed: behind a proxy let the server decide which of them to trust, as
    uvicorn does with `--forwarded-allow-ips`. Else all callers share the proxy's address.

    Returns:
        An IPv4 address, an IPv6 network of 64 bits, what else the server calls it, or `unknown`.
    """
    host = request.client.host if request.client else ""
    try:
        address = ip_address(host)
    except ValueError:
        return host or "unknown"
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ip_network((int(address), 64), strict=False))
