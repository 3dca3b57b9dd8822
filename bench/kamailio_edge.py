"""Kamailio 5.6 as an edge proxy with its outbound module: a token in Record-Route, redeemed for every request, no transactions."""

EDGE = """
#!KAMAILIO
debug=1
log_stderror=yes
fork=yes
children=1
disable_tcp=yes
auto_aliases=no
alias="{name}"
listen=udp:{access}
listen=udp:{core}
mpath="/usr/lib/x86_64-linux-gnu/kamailio/modules/"
dns=no
rev_dns=no

loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "siputils.so"
loadmodule "outbound.so"

modparam("rr", "enable_full_lr", 0)
modparam("rr", "append_fromtag", 0)
modparam("outbound", "flow_token_secret", "of the cluster")
modparam("outbound", "force_outbound_flag", 1)

request_route {{
    if (!mf_process_maxfwd_header("70")) exit;
    if (has_totag()) {{
        if (loose_route()) forward();
        exit;
    }}
    loose_route();
    setflag(1);
    record_route();
    $fs = "udp:{core}";
    $du = "sip:{outside}";
    forward();
}}

reply_route {{
    return 1;
}}
"""


def edge_write(access: str, core: str, name: str, outside: str) -> str:
    return EDGE.format(access=access, core=core, name=name, outside=outside)
