/* The least that a gate can do: `floor SOCKET` is refused, `floor SOCKET PROGRAM` is recorded, run, waited for and
 * recorded again. Linked statically. */
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static int record(int log, const char *line) { return write(log, line, strlen(line)) < 0; }

int main(int count, char **words) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (count < 2 || strlen(words[1]) >= sizeof address.sun_path) return 64;
    strcpy(address.sun_path, words[1]);
    int log = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (connect(log, (struct sockaddr *)&address, sizeof address)) return 69;
    if (count == 2) return record(log, "<84>Jan  1 00:00:00 floor[1]: verdict=deny") ? 69 : 77;
    char *none[] = {0};
    pid_t child;
    int status;
    if (record(log, "<86>Jan  1 00:00:00 floor[1]: verdict=allow")) return 69;
    if (posix_spawn(&child, words[2], 0, 0, words + 2, none)) return 69;
    if (waitpid(child, &status, 0) != child) return 69;
    if (record(log, "<86>Jan  1 00:00:00 floor[1]: verdict=end")) return 69;
    return WEXITSTATUS(status);
}
