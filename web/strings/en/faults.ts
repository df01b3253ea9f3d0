/** What goes wrong between the page and the farm, or in the browser itself. */
export const faults = {
  status: (status: number) => `The farm answered with status ${status}.`,
  unreachable: "The farm cannot be reached.",
  fileUnreachable: "The file cannot be reached.",
  broken: "The connection broke.",
  checkConnection: "Check the connection, then try again.",
  silent: "The line to the farm went silent.",
  emptyAnswer: "The farm answered without what was asked for.",
  hashingStopped: "The worker that hashes has stopped.",
  unpackingStopped: "The worker that unpacks has stopped.",
  noMemoryForPicture: "This browser has no memory left for the picture.",
  noPicture: "No picture of this frame yet.",
  exrBlockLength: (bytes: number, wanted: number) => `The block has ${bytes} bytes, not ${wanted}.`,
  exrRunsTooLong: "The runs of the block are too long.",
  exrRunsTooShort: "The runs of the block are too short.",
  exrBlockTooShort: "The block is too short.",
};
