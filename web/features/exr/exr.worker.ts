// Decodes and draws OpenEXR beside the page, which stays quick while a large file is unpacked.
import type { Answers, Question, Told } from "./exr-messages";
import { ExrProblem } from "./exr-problem";
import { ExrSession } from "./exr-session";

let session: ExrSession | null = null;
let before: Promise<unknown> = Promise.resolve();

self.onmessage = ({ data }: MessageEvent<{ number: number; question: Question }>) => {
  before = before.then(() => reply(data.number, data.question)); // one after the other: they share the layer
};

// What is posted before the module has been loaded would be lost.
self.postMessage({ isReady: true } satisfies Told);

async function reply(number: number, question: Question): Promise<void> {
  let told: Told;
  try {
    told = { number, answer: await answerTo(question) };
  } catch (error) {
    const problem =
      error instanceof ExrProblem ? { kind: error.kind, detail: error.detail } : { message: String(error) };
    told = { number, problem };
  }
  const moved = "answer" in told && told.answer instanceof ImageBitmap ? [told.answer] : [];
  self.postMessage(told, { transfer: moved });
}

async function answerTo(question: Question): Promise<Answers[keyof Answers]> {
  if (question.ask === "open") {
    session = new ExrSession(new Uint8Array(question.bytes));
    return session.layers;
  }
  if (session === null) throw new ExrProblem("noChannels");
  switch (question.ask) {
    case "choose":
      return session.choose(question.layer);
    case "pixel":
      return session.pixel(question.x, question.y);
    case "shade": {
      const picture = session.shade(question.settings);
      return picture && createImageBitmap(new ImageData(picture.data, picture.width, picture.height));
    }
  }
}
