"""The commands that an operator would type."""

from elvs.lab.scenario import commands
from elvs.lab.topologies import make
from elvs.model.address import Family

BOTH = (Family.IPV4, Family.IPV6)


def typed(name: str, *families: Family) -> list[str]:
    return [str(each) for each in commands(make(name, 1), families, 1000)]


def test_nat_maps_the_port_and_takes_both_arms() -> None:
    assert typed("nat", Family.IPV4) == [
        "director# elvs vip add 198.51.100.100 dev eth0",
        "director# elvs attach --mode native --connections 1000 eth0 eth1",
        "director# elvs-ipvsadm -A -t 198.51.100.100:80 -s rr",
        "director# elvs-ipvsadm -a -t 198.51.100.100:80 -r 10.0.1.11:8080 -m",
        "server1# elvs realserver up --method nat --vip 198.51.100.100 --gateway 10.0.1.1",
    ]


def test_dr_keeps_the_port() -> None:
    assert typed("lan", *BOTH) == [
        "director# elvs vip add 198.51.100.100 dev eth0",
        "director# elvs vip add 2001:db8:100::100 dev eth0",
        "director# elvs attach --mode native --connections 1000 eth0",
        "director# elvs-ipvsadm -A -t 198.51.100.100:80 -s rr",
        "director# elvs-ipvsadm -a -t 198.51.100.100:80 -r 198.51.100.11:80 -g",
        "director# elvs-ipvsadm -A -t [2001:db8:100::100]:80 -s rr",
        "director# elvs-ipvsadm -a -t [2001:db8:100::100]:80 -r [2001:db8:100::11]:80 -g",
        "server1# elvs realserver up --method dr --vip 198.51.100.100 --vip 2001:db8:100::100",
    ]


def test_tun_is_its_own_flag() -> None:
    assert typed("routed", Family.IPV6)[3:] == [
        "director# elvs-ipvsadm -a -t [2001:db8:100::100]:80 -r [fd00:1::11]:80 -i",
        "server1# elvs realserver up --method tun --program --vip 2001:db8:100::100",
    ]
