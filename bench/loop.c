/*
 * loop PROGRAM FIRST COUNT [CGROUP]: starts COUNT agents, one fork after the other, at the ports from FIRST on.
 * With CGROUP, each gets a cgroup of its own below it, and joins it before it executes its program.
 * The limit that the benchmark holds every supervisor against: nothing can start processes much faster than this.
 * On SIGTERM it signals all of them and returns when they are gone. It reaps none before: a pid stays theirs.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* What a child of vfork may do: system calls, and nothing to its parent's memory. */
static void become(const char *program, char **arguments, const char *procs, const sigset_t *mask) {
  if (procs) {
    int fd = open(procs, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, "0", 1) != 1) _exit(126);
  }
  sigprocmask(SIG_SETMASK, mask, NULL);
  execve(program, arguments, environ);
  _exit(127);
}

int main(int argc, char **argv) {
  if (argc < 4 || argc > 5) return 2;
  int first = atoi(argv[2]), count = atoi(argv[3]);
  pid_t *pids = calloc(count, sizeof *pids);
  sigset_t none, term;
  sigemptyset(&none);
  sigemptyset(&term);
  sigaddset(&term, SIGTERM);
  sigprocmask(SIG_BLOCK, &term, NULL);
  for (int i = 0; i < count; i++) {
    char address[32], leaf[4096], procs[4200];
    snprintf(address, sizeof address, "127.0.0.1:%d", first + i);
    char *arguments[] = {argv[1], "httpd", "-f", "-p", address, NULL};
    if (argc == 5) {
      snprintf(leaf, sizeof leaf, "%s/%d", argv[4], first + i);
      mkdir(leaf, 0755);
      snprintf(procs, sizeof procs, "%s/cgroup.procs", leaf);
    }
    pids[i] = vfork();
    if (pids[i] == 0) become(argv[1], arguments, argc == 5 ? procs : NULL, &none);
    if (pids[i] < 0) {
      perror("vfork");
      count = i;
    }
  }
  int signal;
  sigwait(&term, &signal);
  for (int i = 0; i < count; i++) kill(pids[i], SIGTERM);
  while (wait(NULL) > 0) continue;
  return 0;
}
