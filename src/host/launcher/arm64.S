// The launcher for arm64: takes orders from a socket, forks for each, and carries out its system calls. See README.md.
// machine-code.ts has what GNU as makes of it; test/host/launcher.test.ts compares the two.
.set ORDER_HIGH, 0x1000         // an order is read to 0x10000000; its pointers are absolute
.set LENGTH_HIGH, 0x100         // 16 MiB of it
.set TABLE_HIGH, 0x2000         // the page at 0x20000000 that is shared with the supervisor
.set TABLE_LENGTH, 0x1000
.set STEP, 64                   // bytes of a step; the order's head has as many
.set REPORT_FD, 3
.set ORDERS_FD, 4
.set TABLE_FD, 5                // closed once mapped: this is the first free one, and what an order opens lies there
.set REPORT_LENGTH, 32
// the head of an order
.set LENGTH, 8
.set RESULT, 16
.set FAILED_STEP, 24
.set BEFORE, 32
.set AFTER, 48
// a step
.set STEP_NUMBER, 56
.set FLAGS, 60
.set MAY_FAIL_BIT, 0
.set FORKS_BIT, 1
// the table
.set LAUNCH, 8
.set MESSAGE, 64                // struct msghdr
.set CONTROL_LENGTH, MESSAGE + 40
.set CONTROL_LENGTH_MAX, 24
// system calls
.set CLOSE, 57
.set WRITE, 64
.set EXIT_GROUP, 94
.set CLOCK_GETTIME, 113
.set PRCTL, 167
.set GETPID, 172
.set RECVFROM, 207
.set RECVMSG, 212
.set MMAP, 222
.set MSG_WAITALL, 0x100
.set CLOCK_BOOTTIME, 7

.globl _start
_start:
        movz    x19, #ORDER_HIGH, lsl #16
        movz    x22, #TABLE_HIGH, lsl #16
        mov     x21, #-4096
        ldr     x9, [sp]                // with a second word, it is in a sandbox
        cmp     x9, #1
        b.ne    inside
        mov     x8, #MMAP               // mmap(ORDER, ORDER_LENGTH, READ|WRITE, PRIVATE|FIXED|ANONYMOUS|NORESERVE, -1, 0)
        mov     x0, x19
        movz    x1, #LENGTH_HIGH, lsl #16
        mov     x2, #3
        mov     x3, #0x4032
        mov     x4, #-1
        mov     x5, #0
        svc     #0
        mov     x8, #MMAP               // mmap(TABLE, TABLE_LENGTH, READ|WRITE, SHARED|FIXED, TABLE_FD, 0)
        mov     x0, x22
        mov     x1, #TABLE_LENGTH
        mov     x2, #3
        mov     x3, #0x11
        mov     x4, #TABLE_FD
        mov     x5, #0
        svc     #0
        mov     x8, #PRCTL              // prctl(PR_SET_PDEATHSIG, SIGKILL)
        mov     x0, #1
        mov     x1, #9
        svc     #0
order:
        mov     x8, #CLOSE              // what the last order has opened here
        mov     x0, #TABLE_FD
        svc     #0
        mov     x8, #CLOSE
        mov     x0, #TABLE_FD + 1
        svc     #0
        mov     x9, #CONTROL_LENGTH_MAX
        str     x9, [x22, #CONTROL_LENGTH]
        mov     x8, #RECVMSG            // the head: recvmsg(ORDERS_FD, message, MSG_WAITALL)
        mov     x0, #ORDERS_FD
        add     x1, x22, #MESSAGE
        mov     x2, #MSG_WAITALL
        svc     #0
        cmp     x0, #STEP
        b.ne    end
        str     wzr, [x22]              // no child yet; then whose child it will be
        ldr     x9, [x19]
        str     x9, [x22, #LAUNCH]
        mov     x8, #RECVFROM           // the rest: recvfrom(ORDERS_FD, ORDER + STEP, length, MSG_WAITALL, NULL, NULL)
        mov     x0, #ORDERS_FD
        add     x1, x19, #STEP
        ldr     x2, [x19, #LENGTH]
        mov     x3, #MSG_WAITALL
        mov     x4, #0
        mov     x5, #0
        svc     #0
        ldr     x9, [x19, #LENGTH]
        cmp     x0, x9
        b.ne    end
        mov     x8, #CLOCK_GETTIME
        mov     x0, #CLOCK_BOOTTIME
        add     x1, x19, #BEFORE
        svc     #0
        mov     w23, #0                 // 0 in the launcher, 1 in its child
begin:
        add     x20, x19, #STEP
next:
        ldr     x8, [x20]               // the number of the call, and its six arguments
        ldp     x0, x1, [x20, #8]
        ldp     x2, x3, [x20, #24]
        ldp     x4, x5, [x20, #40]
        svc     #0
        cmp     x0, x21                 // an errno is returned as -4095 to -1
        b.hi    failed
        ldr     w9, [x20, #FLAGS]
        tbz     w9, #FORKS_BIT, done
        cbnz    x0, answer              // the launcher: what follows is its child's
        mov     w23, #1
done:
        add     x20, x20, #STEP
        b       next
failed:
        ldr     w9, [x20, #FLAGS]
        tbnz    w9, #MAY_FAIL_BIT, done
        ldr     w9, [x20, #STEP_NUMBER]
        str     x9, [x19, #FAILED_STEP]
        cbz     w23, answer
        str     x0, [x19, #RESULT]
        mov     x8, #WRITE              // the report of a child: write(REPORT_FD, ORDER, REPORT_LENGTH)
        mov     x0, #REPORT_FD
        mov     x1, x19
        mov     x2, #REPORT_LENGTH
        svc     #0
        mov     x8, #EXIT_GROUP
        mov     x0, #127
        svc     #0
answer:
        str     x0, [x19, #RESULT]
        mov     x8, #CLOCK_GETTIME
        mov     x0, #CLOCK_BOOTTIME
        add     x1, x19, #AFTER
        svc     #0
        mov     x8, #WRITE              // the head again, with its result: write(ORDERS_FD, ORDER, STEP)
        mov     x0, #ORDERS_FD
        mov     x1, x19
        mov     x2, #STEP
        svc     #0
        b       order
end:
        mov     x8, #EXIT_GROUP
        mov     x0, #0
        svc     #0
inside:                                 // its order is a file: what leads from here to the program
        mov     x8, #MMAP               // mmap(ORDER, ORDER_LENGTH, READ|WRITE, PRIVATE|FIXED, ORDERS_FD, 0)
        mov     x0, x19
        movz    x1, #LENGTH_HIGH, lsl #16
        mov     x2, #3
        mov     x3, #0x12
        mov     x4, #ORDERS_FD
        mov     x5, #0
        svc     #0
        mov     x8, #GETPID
        svc     #0
        str     x0, [x19, #RESULT]      // no errno: the program will be this process
        mov     x8, #WRITE              // write(REPORT_FD, ORDER, REPORT_LENGTH)
        mov     x0, #REPORT_FD
        mov     x1, x19
        mov     x2, #REPORT_LENGTH
        svc     #0
        mov     w23, #1
        b       begin
