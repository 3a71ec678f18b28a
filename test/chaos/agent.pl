#!/usr/bin/perl
# An agent that says who it is: by HTTP on its port, and in a line on its Unix socket.
# It loads nothing but Socket, because three hundred of them have to be light.
use strict;
use warnings;
use Socket;

my ($port, $path) = @ARGV;
socket(my $tcp, PF_INET, SOCK_STREAM, 0) or die "socket: $!\n";
setsockopt($tcp, SOL_SOCKET, SO_REUSEADDR, 1);
bind($tcp, pack_sockaddr_in($port, INADDR_LOOPBACK)) or die "port $port: $!\n";
listen($tcp, 64) or die "port $port: $!\n";
socket(my $unix, PF_UNIX, SOCK_STREAM, 0) or die "socket: $!\n";
bind($unix, pack_sockaddr_un($path)) or die "socket $path: $!\n";
listen($unix, 64) or die "socket $path: $!\n";

$SIG{PIPE} = 'IGNORE';
$SIG{HUP} = sub { };
$SIG{TERM} = sub { unlink $path; exit 0 };
my $who = "$ENV{FLEET_SLOT} $$\n";
my $answer = "HTTP/1.0 200 OK\r\nContent-Length: " . length($who) . "\r\n\r\n$who";

while (1) {
  my $ready = '';
  vec($ready, fileno $_, 1) = 1 for $tcp, $unix;
  next unless select($ready, undef, undef, undef) > 0;
  for my $listener ($tcp, $unix) {
    next unless vec($ready, fileno $listener, 1) && accept(my $client, $listener);
    # Who says nothing may not keep the others waiting.
    setsockopt($client, SOL_SOCKET, SO_RCVTIMEO, pack('l!l!', 0, 200_000));
    sysread $client, my $request, 4096 if $listener == $tcp;
    syswrite $client, $listener == $tcp ? $answer : $who;
    close $client;
  }
}
