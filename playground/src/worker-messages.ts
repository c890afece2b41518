/** Questions to workers and their answers, each with a number that joins the two. */

/** Answers by the name of the question. */
type Service = Readonly<Record<string, (request: never) => unknown>>;

type Request<S extends Service, K extends keyof S> = Parameters<S[K]>[0];
type Answer<S extends Service, K extends keyof S> = Awaited<ReturnType<S[K]>>;

interface Question {
  readonly id: number;
  readonly name: string;
  readonly request: unknown;
}

type Reply =
  | { readonly id: number; readonly answer: unknown }
  | { readonly id: number; readonly failure: { readonly name: string; readonly message: string } };

/** Inside a worker: answers every question from a table. Questions are answered one after the other where answers are at once. */
export function answerWith<S extends Service>(service: S): void {
  const answers = service as unknown as Readonly<Record<string, (request: unknown) => unknown>>;
  addEventListener("message", async ({ data }: MessageEvent<Question>) => {
    const { id, name, request } = data;
    let reply: Reply;
    try {
      reply = { id, answer: await answers[name]?.(request) };
    } catch (error) {
      const { name: kind, message } = error instanceof Error ? error : new Error(String(error));
      reply = { id, failure: { name: kind, message } };
    }
    postMessage(reply);
  });
}

/** What a worker threw. */
class WorkerFailure extends Error {
  constructor(name: string, message: string) {
    super(message);
    this.name = name;
  }
}

/** The question was given up, because something newer took its place. */
export class GivenUp extends Error {
  override readonly name = "GivenUp";
}

export interface WorkerClient<S extends Service> {
  /** @throws WorkerFailure with what the worker threw; GivenUp after `giveUp` */
  readonly ask: <K extends keyof S & string>(name: K, request: Request<S, K>) => Promise<Answer<S, K>>;
  /** Ends the worker if it is at work. The next question starts another. */
  readonly giveUp: () => void;
}

/** On the page: a worker that is started when it is first asked, and again after it was given up. */
export function workerClient<S extends Service>(start: () => Worker): WorkerClient<S> {
  interface Waiting {
    readonly resolve: (answer: unknown) => void;
    readonly reject: (error: Error) => void;
  }
  let worker: Worker | undefined;
  let waiting = new Map<number, Waiting>();
  let next = 0;

  const end = (error: Error) => {
    worker?.terminate();
    worker = undefined;
    const ended = waiting;
    waiting = new Map();
    for (const { reject } of ended.values()) reject(error);
  };
  const startWorker = (): Worker => {
    const started = start();
    started.addEventListener("message", ({ data }: MessageEvent<Reply>) => {
      const found = waiting.get(data.id);
      waiting.delete(data.id);
      if ("failure" in data) found?.reject(new WorkerFailure(data.failure.name, data.failure.message));
      else found?.resolve(data.answer);
    });
    // A script that does not load, or memory that is used up.
    started.addEventListener("error", ({ message }) => {
      end(new WorkerFailure("Error", message || "the compiler's worker could not be started; reload the page"));
    });
    return started;
  };

  return {
    ask: (name, request) =>
      new Promise((resolve, reject) => {
        worker ??= startWorker();
        const id = next++;
        waiting.set(id, { resolve: (answer) => resolve(answer as never), reject });
        const question: Question = { id, name, request };
        worker.postMessage(question);
      }),
    giveUp: () => {
      if (waiting.size > 0) end(new GivenUp());
    },
  };
}
