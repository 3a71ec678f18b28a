/* A daemon that must register before it serves: agent REGISTRY_PORT OWN_PORT TIMEOUT_MS.
 * It connects, waits for OK, then listens; it exits 1 without an answer in time, and when the registry goes away. */
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct sockaddr_in local(const char *port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(port))};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

static void fail(const char *what) {
  fprintf(stderr, "%s\n", what);
  exit(1);
}

int main(int argc, char **argv) {
  if (argc != 4) fail("usage: agent REGISTRY_PORT OWN_PORT TIMEOUT_MS");
  struct sockaddr_in registry = local(argv[1]), own = local(argv[2]);
  int link = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(link, (struct sockaddr *)&registry, sizeof registry) < 0) fail("no registry");
  struct pollfd wait = {.fd = link, .events = POLLIN};
  char answer[2];
  if (poll(&wait, 1, atoi(argv[3])) != 1) fail("registration timed out");
  if (read(link, answer, 2) != 2 || memcmp(answer, "OK", 2) != 0) fail("registration refused");
  int server = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
  setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (bind(server, (struct sockaddr *)&own, sizeof own) < 0 || listen(server, 8) < 0) fail("port taken");
  while (read(link, answer, sizeof answer) > 0) continue;
  fail("the registry went away");
}
