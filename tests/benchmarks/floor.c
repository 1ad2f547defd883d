/* fork, exit, wait: what the kernel takes for a process, with nothing in it. Prints seconds. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv) {
    struct timespec from, to;
    long times = argc > 1 ? atol(argv[1]) : 1;
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (long i = 0; i < times; i++) {
        pid_t pid = fork();
        if (pid == 0) _exit(0);
        if (pid < 0 || waitpid(pid, 0, 0) != pid) return 1;
    }
    clock_gettime(CLOCK_MONOTONIC, &to);
    printf("%f\n", to.tv_sec - from.tv_sec + (to.tv_nsec - from.tv_nsec) / 1e9);
    return 0;
}
