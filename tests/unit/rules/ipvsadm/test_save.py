"""What -S prints, -R reads back: the same services and servers."""

import pytest

from elvs.rules.ipvsadm.names import numeric
from elvs.rules.ipvsadm.save import save
from tests.kit.fake_director import FakeDirector
from tests.kit.ipvsadm import play

RULES = """\
-A -t 192.0.2.1:80 -s wrr
-a -t 192.0.2.1:80 -r 10.0.0.1:8080 -m -w 5
-a -t 192.0.2.1:80 -r 10.0.0.2:80 -i -w 1 --tun-type gue --tun-port 6080 --tun-remcsum
-a -t 192.0.2.1:80 -r 10.0.0.3:80 -i -w 1 --tun-type gre --tun-nocsum
-A -t 192.0.2.1:443 -s sh -p 60 -M 255.255.255.0 -b sh-fallback,sh-port
-A -u 192.0.2.1:53 -s rr -o
-A --sctp-service 192.0.2.1:99 -s lc
-A -t [2001:db8::1]:80 -s mh -p 360 -M 64 -b mh-port
-a -t [2001:db8::1]:80 -r [2001:db8::9]:80 -g -w 0
-A -f 8 -6 -s wlc
-a -f 8 -6 -r [2001:db8::9]:0 -g -w 1
"""


@pytest.fixture
def director() -> FakeDirector:
    director = FakeDirector()
    assert play(director, "-R", RULES).status == 0
    return director


def test_round_trip(director: FakeDirector) -> None:
    assert "\n".join(save(director.services(), numeric)) + "\n" == RULES
