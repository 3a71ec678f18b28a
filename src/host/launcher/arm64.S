// The launcher for arm64: carries out a list of system calls, the last of which is execve(2). See README.md.
// machine-code.ts has what GNU as makes of it; test/host/launcher.test.ts compares the two.
.set SCRIPT_HIGH, 0x1000        // the script is mapped at 0x10000000; its pointers are absolute
.set LENGTH_HIGH, 0x100         // 16 MiB of it
.set STEP, 64                   // bytes of a step; the script's head has as many
.set SCRIPT_FD, 4
.set REPORT_FD, 5

.globl _start
_start:
        mov     x8, #222                // mmap(SCRIPT, SCRIPT_LENGTH, PROT_READ, MAP_PRIVATE|MAP_FIXED, SCRIPT_FD, 0)
        movz    x0, #SCRIPT_HIGH, lsl #16
        movz    x1, #LENGTH_HIGH, lsl #16
        mov     x2, #1
        mov     x3, #0x12
        mov     x4, #SCRIPT_FD
        mov     x5, #0
        svc     #0
        movz    x19, #SCRIPT_HIGH, lsl #16
        add     x20, x19, #STEP
        mov     x21, #-4096
next:
        ldr     x8, [x20]               // the number of the call, and its six arguments
        ldp     x0, x1, [x20, #8]
        ldp     x2, x3, [x20, #24]
        ldp     x4, x5, [x20, #40]
        svc     #0
        cmp     x0, x21                 // an errno is returned as -4095 to -1
        b.hi    failed
done:
        add     x20, x20, #STEP
        b       next
failed:
        ldr     w9, [x20, #60]          // may this step fail?
        cbnz    w9, done
        neg     w0, w0
        ldr     x10, [x19]              // the report on the stack: launch (8 bytes), step (4), errno (4)
        ldr     w11, [x20, #56]
        sub     sp, sp, #16
        str     x10, [sp]
        stp     w11, w0, [sp, #8]
        mov     x8, #64                 // write(REPORT_FD, report, 16)
        mov     x0, #REPORT_FD
        mov     x1, sp
        mov     x2, #16
        svc     #0
        mov     x8, #94                 // exit_group(127)
        mov     x0, #127
        svc     #0
