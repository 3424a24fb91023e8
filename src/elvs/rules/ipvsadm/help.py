"""What `-h` prints."""

HELP = """\
elvs-ipvsadm: virtual services and real servers of eLVS, in the language of ipvsadm 1.31

  -A|-E SERVICE [-s SCHEDULER] [-p [SECONDS]] [-M NETMASK] [--pe ENGINE] [-b FLAGS] [-o]
  -D SERVICE
  -a|-e SERVICE -r HOST[:PORT] [-g|-i|-m] [-w WEIGHT] [-x UPPER] [-y LOWER] [TUNNEL]
  -d SERVICE -r HOST[:PORT]
  -C                              delete all services
  -L|-l [SERVICE | -c | --timeout | --daemon] [LAYOUT] [-n] [-X] [--nosort]
  -Z [SERVICE]                    start counters at zero again
  -S [-n]                         print all services as lines for -R
  -R                              carry out the command lines on standard input
  --set TCP TCPFIN UDP            timeouts in seconds; 0 leaves one as it is
  --start-daemon|--stop-daemon master|backup
  -h, -v                          this text; the version

SERVICE is one of
  -t, --tcp-service HOST:PORT     -u, --udp-service HOST:PORT
  --sctp-service HOST:PORT        -f, --fwmark-service MARK [-6, --ipv6]

Of a service
  -s, --scheduler NAME            wlc unless given
  -p, --persistent [SECONDS]      360 unless given
  -M, --netmask MASK              clients of one network persist together; IPv6: prefix length
  -b, --sched-flags FLAG,...      sh-fallback, sh-port, mh-fallback, mh-port, flag-1 to flag-3
  -o, --ops                       each UDP datagram is scheduled on its own

Of a real server
  -g, --gatewaying                DR: to its link address, the packet unchanged (default)
  -i, --ipip                      TUN: in an IP tunnel
  -m, --masquerading              NAT: its address and port instead of the service's
  -w, --weight NUMBER             share of new connections; 0 takes no new ones
  -x, --u-threshold NUMBER        most connections; -y, --l-threshold: when it takes some again
  TUNNEL: --tun-type ipip|gue|gre --tun-port PORT --tun-nocsum|--tun-csum|--tun-remcsum

Of a listing
  LAYOUT: --stats, --rate, --thresholds, --persistent-conn or --tun-info
  -c, --connection                connections instead of services
  -n, --numeric                   numbers instead of names
  -X, --exact                     whole numbers in --stats and --rate
  --nosort                        services and servers as they are kept, newest first

Long names: --add-service --edit-service --delete-service --add-server --edit-server
--delete-server --real-server --clear --list --zero --save --restore --help --version
"""
VERSION = "ipvsadm v1.31 2019/12/24 (compiled with popt and IPVS v1.2.1)\n"
"""Scripts read the number from it; it is the ipvsadm that this one behaves as."""
