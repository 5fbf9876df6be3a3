"""Where a server listens: it says so before it loads anything."""

import socket

import pytest

from rag.errors import InputError
from rag.serve.running import listen


def test_a_port_in_use_and_an_address_of_others_are_named_with_what_to_do() -> None:
    with listen("127.0.0.1", 0) as place:
        port = place.getsockname()[1]
        with pytest.raises(InputError, match=rf"127.0.0.1:{port}: .*in use.*--port"):
            listen("127.0.0.1", port)
    with pytest.raises(InputError, match=r"192\.0\.2\.1:8765"):
        listen("192.0.2.1", 8765)


def test_an_address_of_the_newer_protocol_is_taken() -> None:
    if not socket.has_dualstack_ipv6():
        pytest.skip("this machine has no IPv6")
    with listen("::1", 0) as place:
        assert place.family == socket.AF_INET6
