#!/usr/bin/perl
# The first process of a pid namespace. It takes pids that it is told, by a fork after writing to ns_last_pid
# (pid_namespaces(7)); whoever got one, a stranger, writes down each signal that comes, and ends only by itself.
#   take PID…   → taken N                  so many strangers live at these pids now; the others were given away meanwhile
#   end PID…    → ended N                  kills processes that are no strangers, and waits until their pids are free
#   report      → a line for each signal and each stranger that did not end by itself, then "done"
#   leave       → left N                   all strangers end
use strict;
use warnings;
use Errno qw(EINTR);
use POSIX qw(:sys_wait_h :signal_h setsid);

# A pid that is not free after so many tries, a second or two, is somebody else's.
my $TRIES = 1000;
my $log = shift or die "usage: init.pl LOG\n";
my (%strangers, %told);
$| = 1;

sub reap {
  while ((my $pid = waitpid(-1, WNOHANG | WUNTRACED)) > 0) {
    # A stranger that leaves ends with 7: whatever else is somebody's doing.
    $told{"$pid status $?"}++ if $strangers{$pid} && $? != 7 << 8;
    delete $strangers{$pid} unless WIFSTOPPED($?);
  }
}

sub live_as_stranger {
  my $leave = shift;
  # Whoever holds the other end of a stranger's pipe keeps it alive.
  close $_ for $leave->{hold}, map { $_->{hold} } values %strangers;
  setsid();
  open my $out, '>>', $log or POSIX::_exit(1);
  for my $number (1 .. 64) {
    next if $number == SIGKILL || $number == SIGSTOP || $number == 32 || $number == 33;
    my $note = sub { syswrite $out, "$$ signal $_[0] from $_[1]{pid}\n" };
    my $action = POSIX::SigAction->new($note, POSIX::SigSet->new, SA_SIGINFO);
    POSIX::sigaction($number, $action);
  }
  syswrite $leave->{ready}, '1';
  while (1) {
    my $read = sysread $leave->{end}, my $byte, 1;
    POSIX::_exit(7) if defined $read || $! != EINTR;
  }
}

sub take_one {
  my $wish = shift;
  for (1 .. $TRIES) {
    reap();
    pipe(my $end, my $hold) or die $!;
    pipe(my $is_ready, my $ready) or die $!;
    open my $last, '>', '/proc/sys/kernel/ns_last_pid' or die "ns_last_pid: $!\n";
    syswrite $last, $wish - 1;
    close $last;
    my $pid = fork // die "fork: $!\n";
    if ($pid == 0) {
      POSIX::_exit(0) if $$ != $wish;
      live_as_stranger({ end => $end, hold => $hold, ready => $ready });
    }
    close $ready;
    if ($pid == $wish) {
      $strangers{$pid} = { hold => $hold };
      sysread $is_ready, my $byte, 1;
      return 1;
    }
    waitpid $pid, 0;
    select undef, undef, undef, 0.001;
  }
  return 0;
}

sub take { return 'taken ' . grep { take_one($_) } @_ }

sub end {
  die "a stranger is to be ended\n" if grep { $strangers{$_} } @_;
  my @left = @_;
  kill 'KILL', @left;
  for (1 .. $TRIES) {
    reap();
    @left = grep { kill 0, $_ } @left;
    last unless @left;
    select undef, undef, undef, 0.001;
  }
  return 'ended ' . (@_ - @left);
}

sub report {
  reap();
  my @signals = -e $log ? do { open my $in, '<', $log; <$in> } : ();
  return join '', @signals, map({ "$_\n" } keys %told), 'done';
}

sub leave {
  my $count = keys %strangers;
  close delete $_->{hold} for values %strangers;
  while (%strangers) {
    reap();
    select undef, undef, undef, 0.001;
  }
  return "left $count";
}

my %commands = (take => \&take, end => \&end, report => \&report, leave => \&leave);
$SIG{CHLD} = sub { };
while (1) {
  my $line = '';
  while ($line !~ /\n\z/) {
    my $read = sysread STDIN, $line, 1, length $line;
    reap();
    exit 0 if defined $read ? $read == 0 : $! != EINTR;
  }
  my ($name, @arguments) = split ' ', $line;
  print $commands{$name}->(@arguments), "\n";
}
