"""Kamailio 5.6 as registrar and authoritative proxy, standing where `role: core` would stand: behind the edges."""

from .transport import UDP, Transport

CORE = """
#!KAMAILIO
debug=1
log_stderror=yes
fork=yes
children=2
auto_aliases=no
listen=udp:{address}:5060
{transport}
alias="{domain}"
alias="{name}"
mpath="/usr/lib/x86_64-linux-gnu/kamailio/modules/"

# RFC 3263 section 4.3: the next target when one is silent, and a memory of the silent ones.
dns=yes
use_dns_cache=yes
use_dns_failover=yes
dns_try_naptr=no
dns_srv_lb=no
use_dst_blocklist=yes
dst_blocklist_expire=60

loadmodule "tm.so"
loadmodule "tmx.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "xlog.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "outbound.so"
loadmodule "path.so"
{modules}

modparam("tm", "fr_timer", 400)
modparam("tm", "fr_inv_timer", 30000)
modparam("usrloc", "db_mode", 0)
modparam("usrloc", "desc_time_order", 1)
modparam("registrar", "use_path", 1)
modparam("registrar", "path_mode", 0)
modparam("registrar", "path_check_local", 0)
modparam("registrar", "outbound_mode", 1)
modparam("registrar", "gruu_enabled", 0)
# One target a call: the newest binding, as RFC 5626 section 7 wants one flow of an instance at a time.
modparam("registrar", "append_branches", 0)
modparam("registrar", "method_filtering", 0)
modparam("rr", "enable_full_lr", 0)
modparam("rr", "append_fromtag", 0)

request_route {{
    if (!mf_process_maxfwd_header("70")) {{
        sl_send_reply("483", "Too Many Hops");
        exit;
    }}
    if (is_method("OPTIONS") && uri == myself && $rU == $null) {{
        sl_send_reply("200", "OK");
        exit;
    }}
    if (is_method("CANCEL")) {{
        if (t_check_trans()) t_relay();
        exit;
    }}
    if (has_totag()) {{
        loose_route();
        if (is_method("ACK") && t_check_trans()) {{
            t_relay();
            exit;
        }}
        {record_route}
        t_relay();
        exit;
    }}
    if (is_method("REGISTER")) {{
        if (!save("location")) sl_reply_error();
        exit;
    }}
    t_check_trans();
    # Routes of the edges that led here are popped there; ours, if any, goes now.
    loose_route();
    {record_route}
    if (uri == myself) {{
        if (!lookup("location")) {{
            sl_send_reply("404", "Not Found");
            exit;
        }}
    }}
    t_relay();
}}
"""

# For users of one prefix alone, so that one Kamailio shows both kinds.
RECORD_ROUTE = ('if (($fU =~ "^{prefix}" || $tU =~ "^{prefix}") && !is_method("ACK|BYE|CANCEL|PRACK")) '
                'record_route_preset("{name}");')


UDP_ALONE = "disable_tcp=yes"

STREAM = """disable_tcp=no
tcp_children=2
tcp_connect_timeout=1
tcp_connection_lifetime=3605
"""

TLS_MODULE = "/usr/lib/x86_64-linux-gnu/kamailio/modules/tls.so"
# It shows its certificate, wants to see one, and takes an alias for what it says (RFC 5923).
TLS_PARAMETERS = """loadmodule "tls.so"
modparam("tls", "tls_method", "TLSv1.2+")
modparam("tls", "certificate", "{certificate}")
modparam("tls", "private_key", "{key}")
modparam("tls", "ca_list", "{authority}")
modparam("tls", "verify_certificate", 1)
modparam("tls", "require_certificate", 1)
modparam("tls", "connection_timeout", 3600)
"""


def core_write(address: str, domain: str, name: str, in_path: str, transport: Transport = UDP,
               certificate: tuple[str, str, str] | None = None) -> str:
    """The configuration of the core; it record-routes dialogs of users whose names begin with `in_path`. Besides UDP it may speak
    TCP or TLS; `certificate`: certificate, key and authorities, for TLS."""
    lines, modules = UDP_ALONE, ""
    if transport.stream:
        lines = STREAM + f"listen={transport.name}:{address}:{transport.port}\n"
    if transport.secure:
        lines += "enable_tls=yes\ntcp_accept_aliases=yes\n"
        modules = TLS_PARAMETERS.format(certificate=certificate[0], key=certificate[1], authority=certificate[2])
    return CORE.format(address=address, domain=domain, name=name, record_route=RECORD_ROUTE.format(prefix=in_path, name=name),
                       transport=lines, modules=modules)


def core_command(config: str, folder: str) -> list[str]:
    """In the foreground (-DD), its run-time files in the lab's folder."""
    return ["kamailio", "-DD", "-E", "-x", "fm", "-X", "fm", "-f", config, "-P", f"{folder}/kamailio.pid", "-w", folder,
            "-Y", folder, "-m", "64", "-M", "8"]
