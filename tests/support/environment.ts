/** Returns a look-up function over the variables of a test. */
export function environmentOf(
  variables: Readonly<Record<string, string>>,
): (name: string) => string | undefined {
  return (name) => variables[name];
}
