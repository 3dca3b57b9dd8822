// tcp.h: how every connection of SIP is set up, whoever has opened it.

#pragma once

// Nagle off, and the kernel asks a silent peer whether it is there.
void tcp_tune(int socket);
