"""The offline lock: from the start of a process on, the kernel refuses it and its children every network socket."""
