/** An address that answers no SYN: a listener whose queue is full. */
export class BlackHole implements Disposable {
  readonly hostname: string;
  readonly #listener: Deno.Listener;
  readonly #fillers: Deno.Conn[];

  private constructor(
    hostname: string,
    listener: Deno.Listener,
    fillers: Deno.Conn[],
  ) {
    this.hostname = hostname;
    this.#listener = listener;
    this.#fillers = fillers;
  }

  static async dig(hostname: string, port: number): Promise<BlackHole> {
    const listener = Deno.listen({ hostname, port, tcpBacklog: 1 });
    const fillers: Deno.Conn[] = [];
    const to = (listener.addr as Deno.NetAddr).port;
    for (;;) {
      const giveUp = new AbortController();
      const timer = setTimeout(() => giveUp.abort(), 200);
      try {
        fillers.push(
          await Deno.connect({ hostname, port: to, signal: giveUp.signal }),
        );
      } catch {
        return new BlackHole(hostname, listener, fillers);
      } finally {
        clearTimeout(timer);
      }
    }
  }

  get port(): number {
    return (this.#listener.addr as Deno.NetAddr).port;
  }

  [Symbol.dispose](): void {
    for (const conn of this.#fillers) conn.close();
    this.#listener.close();
  }
}
