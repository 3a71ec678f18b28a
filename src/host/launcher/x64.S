# The launcher for x86-64: takes orders from a socket, forks for each, and carries out its system calls. See README.md.
# machine-code.ts has what GNU as makes of it; test/host/launcher.test.ts compares the two.
.set ORDER, 0x10000000          # where an order is read to; its pointers are absolute
.set ORDER_LENGTH, 0x1000000
.set TABLE, 0x20000000          # the page that is shared with the supervisor
.set TABLE_LENGTH, 0x1000
.set STEP, 64                   # bytes of a step; the order's head has as many
.set REPORT_FD, 3
.set ORDERS_FD, 4
.set TABLE_FD, 5                # closed once mapped: this is the first free one, and what an order opens lies there
.set REPORT_LENGTH, 32
# the head of an order
.set LENGTH, 8
.set RESULT, 16
.set FAILED_STEP, 24
.set BEFORE, 32
.set AFTER, 48
# a step
.set STEP_NUMBER, 56
.set FLAGS, 60
.set MAY_FAIL, 1
.set FORKS, 2
# the table
.set LAUNCH, 8
.set MESSAGE, 64                # struct msghdr
.set CONTROL_LENGTH, MESSAGE + 40
.set CONTROL_LENGTH_MAX, 24
# system calls
.set WRITE, 1
.set CLOSE, 3
.set MMAP, 9
.set GETPID, 39
.set RECVFROM, 45
.set RECVMSG, 47
.set PRCTL, 157
.set CLOCK_GETTIME, 228
.set EXIT_GROUP, 231
.set MSG_WAITALL, 0x100
.set CLOCK_BOOTTIME, 7

.globl _start
_start:
        mov     $ORDER, %r12d
        mov     $TABLE, %r13d
        cmpl    $1, (%rsp)              # with a second word, it is in a sandbox
        jne     inside
        mov     $MMAP, %eax             # mmap(ORDER, ORDER_LENGTH, READ|WRITE, PRIVATE|FIXED|ANONYMOUS|NORESERVE, -1, 0)
        mov     %r12, %rdi
        mov     $ORDER_LENGTH, %esi
        mov     $3, %edx
        mov     $0x4032, %r10d
        mov     $-1, %r8
        xor     %r9d, %r9d
        syscall
        mov     $MMAP, %eax             # mmap(TABLE, TABLE_LENGTH, READ|WRITE, SHARED|FIXED, TABLE_FD, 0)
        mov     %r13, %rdi
        mov     $TABLE_LENGTH, %esi
        mov     $3, %edx
        mov     $0x11, %r10d
        mov     $TABLE_FD, %r8d
        xor     %r9d, %r9d
        syscall
        mov     $PRCTL, %eax            # prctl(PR_SET_PDEATHSIG, SIGKILL)
        mov     $1, %edi
        mov     $9, %esi
        syscall
order:
        mov     $CLOSE, %eax            # what the last order has opened here
        mov     $TABLE_FD, %edi
        syscall
        mov     $CLOSE, %eax
        mov     $TABLE_FD + 1, %edi
        syscall
        movq    $CONTROL_LENGTH_MAX, CONTROL_LENGTH(%r13)
        mov     $RECVMSG, %eax          # the head: recvmsg(ORDERS_FD, message, MSG_WAITALL)
        mov     $ORDERS_FD, %edi
        lea     MESSAGE(%r13), %rsi
        mov     $MSG_WAITALL, %edx
        syscall
        cmp     $STEP, %rax
        jne     end
        movl    $0, (%r13)              # no child yet; then whose child it will be
        mov     (%r12), %rax
        mov     %rax, LAUNCH(%r13)
        mov     $RECVFROM, %eax         # the rest: recvfrom(ORDERS_FD, ORDER + STEP, length, MSG_WAITALL, NULL, NULL)
        mov     $ORDERS_FD, %edi
        lea     STEP(%r12), %rsi
        mov     LENGTH(%r12), %rdx
        mov     $MSG_WAITALL, %r10d
        xor     %r8d, %r8d
        xor     %r9d, %r9d
        syscall
        cmp     LENGTH(%r12), %rax
        jne     end
        mov     $CLOCK_GETTIME, %eax
        mov     $CLOCK_BOOTTIME, %edi
        lea     BEFORE(%r12), %rsi
        syscall
        xor     %ebp, %ebp              # 0 in the launcher, 1 in its child
begin:
        lea     STEP(%r12), %rbx
next:
        mov     (%rbx), %rax            # the number of the call, and its six arguments
        mov     8(%rbx), %rdi
        mov     16(%rbx), %rsi
        mov     24(%rbx), %rdx
        mov     32(%rbx), %r10
        mov     40(%rbx), %r8
        mov     48(%rbx), %r9
        syscall
        cmp     $-4096, %rax            # an errno is returned as -4095 to -1
        ja      failed
        testl   $FORKS, FLAGS(%rbx)
        jz      done
        test    %rax, %rax
        jnz     answer                  # the launcher: what follows is its child's
        inc     %ebp
done:
        add     $STEP, %rbx
        jmp     next
failed:
        testl   $MAY_FAIL, FLAGS(%rbx)
        jnz     done
        mov     STEP_NUMBER(%rbx), %ecx
        mov     %rcx, FAILED_STEP(%r12)
        test    %ebp, %ebp
        jz      answer
        mov     %rax, RESULT(%r12)
        mov     $WRITE, %eax            # the report of a child: write(REPORT_FD, ORDER, REPORT_LENGTH)
        mov     $REPORT_FD, %edi
        mov     %r12, %rsi
        mov     $REPORT_LENGTH, %edx
        syscall
        mov     $EXIT_GROUP, %eax
        mov     $127, %edi
        syscall
answer:
        mov     %rax, RESULT(%r12)
        mov     $CLOCK_GETTIME, %eax
        mov     $CLOCK_BOOTTIME, %edi
        lea     AFTER(%r12), %rsi
        syscall
        mov     $WRITE, %eax            # the head again, with its result: write(ORDERS_FD, ORDER, STEP)
        mov     $ORDERS_FD, %edi
        mov     %r12, %rsi
        mov     $STEP, %edx
        syscall
        jmp     order
end:
        mov     $EXIT_GROUP, %eax
        xor     %edi, %edi
        syscall
inside:                                 # its order is a file: what leads from here to the program
        mov     $MMAP, %eax             # mmap(ORDER, ORDER_LENGTH, READ|WRITE, PRIVATE|FIXED, ORDERS_FD, 0)
        mov     %r12, %rdi
        mov     $ORDER_LENGTH, %esi
        mov     $3, %edx
        mov     $0x12, %r10d
        mov     $ORDERS_FD, %r8d
        xor     %r9d, %r9d
        syscall
        mov     $GETPID, %eax
        syscall
        mov     %rax, RESULT(%r12)      # no errno: the program will be this process
        mov     $WRITE, %eax            # write(REPORT_FD, ORDER, REPORT_LENGTH)
        mov     $REPORT_FD, %edi
        mov     %r12, %rsi
        mov     $REPORT_LENGTH, %edx
        syscall
        mov     $1, %ebp
        jmp     begin
