# The launcher for x86-64: carries out a list of system calls, the last of which is execve(2). See README.md.
# machine-code.ts has what GNU as makes of it; test/host/launcher.test.ts compares the two.
.set SCRIPT, 0x10000000         # where the script is mapped; its pointers are absolute
.set SCRIPT_LENGTH, 0x1000000
.set STEP, 64                   # bytes of a step; the script's head has as many
.set SCRIPT_FD, 4
.set REPORT_FD, 5

.globl _start
_start:
        mov     $9, %eax                # mmap(SCRIPT, SCRIPT_LENGTH, PROT_READ, MAP_PRIVATE|MAP_FIXED, SCRIPT_FD, 0)
        mov     $SCRIPT, %edi
        mov     $SCRIPT_LENGTH, %esi
        mov     $1, %edx
        mov     $0x12, %r10d
        mov     $SCRIPT_FD, %r8d
        xor     %r9d, %r9d
        syscall
        mov     $SCRIPT + STEP, %ebx
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
done:
        add     $STEP, %rbx
        jmp     next
failed:
        cmpl    $0, 60(%rbx)            # may this step fail?
        jne     done
        neg     %eax
        push    %rax                    # the report on the stack: launch (8 bytes), step (4), errno (4)
        mov     56(%rbx), %ecx
        mov     %ecx, (%rsp)
        mov     %eax, 4(%rsp)
        mov     $SCRIPT, %esi
        push    (%rsi)
        mov     $1, %eax                # write(REPORT_FD, report, 16)
        mov     $REPORT_FD, %edi
        mov     %rsp, %rsi
        mov     $16, %edx
        syscall
        mov     $231, %eax              # exit_group(127)
        mov     $127, %edi
        syscall
