"""Two hosts on a cable that fails on request."""

from lab.forwarder import Forwarder
from lab.netns import Lab


class FaultyPair(Lab):
    """As a Lab of two hosts; their eth0 are the ends of `cable`, a Forwarder."""

    def __init__(self):
        super().__init__(2)
        self.cable = None

    def _build(self):
        for host in self.hosts:
            self._add_namespace(host.name)
        first, second = self.hosts
        self.cable = Forwarder(first, second, addresses=[f"{host.ipv4}/{self._prefix}"
                                                         for host in self.hosts])
        for host in self.hosts:
            host.wait_for_ipv6()

    def _remove(self):
        if self.cable:
            self.cable.close()
        super()._remove()
