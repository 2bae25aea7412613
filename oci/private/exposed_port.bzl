"""Ports that an image exposes."""

visibility(["//oci/..."])

_PROTOCOLS = ["sctp", "tcp", "udp"]

def exposed_port_error(port):
    """Says what is wrong with a port.

    Args:
      port: string; `8080`, or with a protocol, `53/udp`.

    Returns:
      `None`, or what is wrong and what to write instead.
    """
    number, slash, protocol = port.partition("/")
    if not number.isdigit() or not 1 <= int(number) or int(number) > 65535:
        return "`{}` is not a port: expected a number from 1 to 65535, for example `8080/tcp`".format(port)
    if slash and protocol not in _PROTOCOLS:
        return "`{}` has an unknown protocol: expected one of {}".format(
            port,
            ", ".join(["`{}/{}`".format(number, known) for known in _PROTOCOLS]),
        )
    return None

def exposed_port(port):
    """Returns a port with its protocol, as engines write it into configs.

    Args:
      port: string without error.
    """
    return port if "/" in port else port + "/tcp"
