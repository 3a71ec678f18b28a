/*
 * loop PROGRAM FIRST COUNT: starts COUNT agents, one posix_spawn after the other, at the ports from FIRST on.
 * The limit that the benchmark holds every supervisor against: nothing can start processes much faster than this.
 * On SIGTERM it signals all of them and returns when they are gone. It reaps none before: a pid stays theirs.
 */
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

extern char **environ;

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  int first = atoi(argv[2]), count = atoi(argv[3]);
  pid_t *pids = calloc(count, sizeof *pids);
  sigset_t none, term;
  sigemptyset(&none);
  sigemptyset(&term);
  sigaddset(&term, SIGTERM);
  sigprocmask(SIG_BLOCK, &term, NULL);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  for (int i = 0; i < count; i++) {
    char address[32];
    snprintf(address, sizeof address, "127.0.0.1:%d", first + i);
    char *arguments[] = {argv[1], "httpd", "-f", "-p", address, NULL};
    int error = posix_spawn(&pids[i], argv[1], NULL, &attributes, arguments, environ);
    if (error) {
      fprintf(stderr, "agent %d of %d: %s\n", i, count, strerror(error));
      count = i;
    }
  }
  int signal;
  sigwait(&term, &signal);
  for (int i = 0; i < count; i++) kill(pids[i], SIGTERM);
  while (wait(NULL) > 0) continue;
  return 0;
}
