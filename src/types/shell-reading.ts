// How much of a directory tree a command reads beyond the operands that it names.

/** `visible` skips dot files, `tracked` reads what git tracks. */
export type TreeReading = "none" | "visible" | "all" | "tracked";
