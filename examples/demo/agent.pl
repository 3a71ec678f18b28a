#!/usr/bin/perl
# The demo agent: answers every connection to its TCP port and its Unix socket with a line about itself.
# In Perl, because every Debian has it, and fifty of these processes fit on any host.
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;

my ($port, $socket) = @ARGV;
my $tcp = IO::Socket::INET->new(LocalAddr => "127.0.0.1:$port", Listen => 16, ReuseAddr => 1)
  or die "port $port: $@\n";
my $unix = IO::Socket::UNIX->new(Local => $socket, Listen => 16) or die "socket $socket: $!\n";
$SIG{TERM} = sub { unlink $socket; exit 0 };
$SIG{PIPE} = 'IGNORE';
$| = 1;
print "agent $ENV{FLEET_SLOT} of $ENV{FLEET_NAME} listens on port $port and on $socket\n";

my $listeners = IO::Select->new($tcp, $unix);
while (1) {
  for my $listener ($listeners->can_read) {
    my $client = $listener->accept or next;
    print $client "I am slot $ENV{FLEET_SLOT} of $ENV{FLEET_NAME}, pid $$, release $ENV{FLEET_RELEASE}\n";
    close $client;
  }
}
