"""Whose the socket at the other end of a connection is: asked of this system about sockets of this test."""

import os
import socket
import sys
from unittest import mock, skipUnless

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.runtime.sockets import sock_diag
from ccsproxy.runtime.sockets.peers import is_same_user, owner_of_peer
from ccsproxy.runtime.sockets.sock_diag import SocketOwner, find_owner, is_held

LINUX = sys.platform == "linux"


def inode_of(end):
    return os.fstat(end.fileno()).st_ino


class Pair:
    """A connection over loopback, both ends in this process."""

    def __init__(self, case, family=socket.AF_INET, host="127.0.0.1", target=None):
        listener = socket.create_server((host, 0), family=family, dualstack_ipv6=host == "::")
        self.client = socket.create_connection((target or host, listener.getsockname()[1]))
        self.server, _ = listener.accept()
        for each in (listener, self.client, self.server):
            case.addCleanup(each.close)

    def getPeer(self):
        return self._address(self.server.getpeername())

    def getHost(self):
        return self._address(self.server.getsockname())

    def _address(self, end):
        return IPv6Address("TCP", *end[:2]) if len(end) > 2 else IPv4Address("TCP", *end)


@skipUnless(LINUX, "only Linux tells")
class Owners(SynchronousTestCase):
    """Sockets that somebody holds, or has held."""

    def test_owner_is_the_user_with_the_clients_socket(self):
        pair = Pair(self)
        self.assertEqual(owner_of_peer(pair), SocketOwner(os.geteuid(), inode_of(pair.client)))

    def test_ipv6(self):
        pair = Pair(self, socket.AF_INET6, "::1")
        self.assertEqual(owner_of_peer(pair), SocketOwner(os.geteuid(), inode_of(pair.client)))

    def test_ipv4_client_of_a_listener_for_both(self):
        pair = Pair(self, socket.AF_INET6, "::", "127.0.0.1")
        self.assertTrue(pair.getPeer().host.startswith("::ffff:"))
        self.assertEqual(owner_of_peer(pair), SocketOwner(os.geteuid(), inode_of(pair.client)))

    def test_client_that_has_bound_an_address_of_its_own(self):
        listener = socket.create_server(("127.0.0.1", 0))
        client = socket.create_connection(listener.getsockname(), source_address=("127.8.8.8", 0))
        server, peer = listener.accept()
        for each in (listener, client, server):
            self.addCleanup(each.close)
        self.assertEqual(find_owner(peer, server.getsockname()), SocketOwner(os.geteuid(), inode_of(client)))

    def test_closed_client_has_no_owner_although_the_system_would_say_root(self):
        pair = Pair(self)
        peer, ours = pair.server.getpeername(), pair.server.getsockname()
        pair.client.close()
        self.assertIsNone(find_owner(peer, ours))
        self.assertFalse(is_held(peer, ours))

    def test_half_closed_client_keeps_its_owner(self):
        pair = Pair(self)
        pair.client.shutdown(socket.SHUT_WR)
        self.assertEqual(owner_of_peer(pair), SocketOwner(os.geteuid(), inode_of(pair.client)))

    def test_listener_of_the_port_is_not_taken_for_the_client(self):
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        self.assertIsNone(find_owner(listener.getsockname(), ("127.0.0.1", 1)))

    def test_other_user(self):
        if os.geteuid():
            self.skipTest("only root can become another user")
        os.seteuid(65534)
        try:
            pair = Pair(self)
        finally:
            os.seteuid(0)
        owner = owner_of_peer(pair)
        self.assertEqual(owner.uid, 65534)
        self.assertFalse(is_same_user(owner))

    def test_tables_say_the_same_as_netlink(self):
        for family, host, target in ((socket.AF_INET, "127.0.0.1", None), (socket.AF_INET6, "::", "127.0.0.1")):
            pair = Pair(self, family, host, target)
            with mock.patch.object(sock_diag, "_by_netlink", lambda *ends: None):
                self.assertEqual(owner_of_peer(pair), SocketOwner(os.geteuid(), inode_of(pair.client)))

    def test_client_that_has_an_ipv6_socket_for_ipv4(self):
        listener = socket.create_server(("127.0.0.1", 0))
        client = socket.socket(socket.AF_INET6)
        client.connect(("::ffff:127.0.0.1", listener.getsockname()[1]))
        server, peer = listener.accept()
        for each in (listener, client, server):
            self.addCleanup(each.close)
        wanted = SocketOwner(os.geteuid(), inode_of(client))
        self.assertEqual(find_owner(peer, server.getsockname()), wanted)
        with mock.patch.object(sock_diag, "_by_netlink", lambda *ends: None):
            self.assertEqual(find_owner(peer, server.getsockname()), wanted)


class Unknown(SynchronousTestCase):
    """Where nobody tells."""

    def test_unix_sockets_and_names_have_no_owner(self):
        class Ends:
            getPeer = getHost = staticmethod(lambda: UNIXAddress("/run/x"))

        self.assertIsNone(owner_of_peer(Ends()))
        self.assertIsNone(find_owner(("localhost", 1), ("localhost", 2)))

    def test_system_without_netlink_and_tables(self):
        with (
            mock.patch.object(sock_diag, "_by_netlink", lambda *ends: None),
            mock.patch.object(sock_diag, "_TABLES", ("/nowhere",)),
        ):
            self.assertIsNone(find_owner(("127.0.0.1", 1), ("127.0.0.1", 2)))

    def test_root_is_served_as_the_user_is(self):
        self.assertTrue(is_same_user(SocketOwner(0, 1)))
        self.assertTrue(is_same_user(SocketOwner(os.geteuid(), 1)))
        self.assertFalse(is_same_user(SocketOwner(os.geteuid() + 1, 1)))
