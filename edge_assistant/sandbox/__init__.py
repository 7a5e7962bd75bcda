"""What the kernel can take from a process: system calls (seccomp), files and other processes (Landlock)."""
