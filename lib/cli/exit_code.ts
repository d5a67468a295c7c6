/** Process exit codes, operations spec §1.3. */
export const EXIT_STOPPED = 0;
/** Something fatal happened. */
export const EXIT_FAILED = 1;
/** The command line or the environment is wrong. */
export const EXIT_USAGE = 2;
