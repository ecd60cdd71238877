// Asks a running Failsoft twice, whole and in pieces, and says who answered.
//
//   node ask.js [--address host:port] [--model name] [question]

import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import grpc from "@grpc/grpc-js";
import protoLoader from "@grpc/proto-loader";

const PROTOS = fileURLToPath(new URL("../../../protos/proto", import.meta.url));
const TIMEOUT_MS = 60_000;

// The stub, made from the proto files when the program starts.
function connect(address) {
  const definition = protoLoader.loadSync("failsoft/inference/v1/inference_service.proto", {
    includeDirs: [PROTOS],
    keepCase: true,
    enums: String,
    defaults: true,
    oneofs: true,
  });
  const { InferenceService } = grpc.loadPackageDefinition(definition).failsoft.inference.v1;
  // A retry would be a second walk, with a second bill; retries are the router's business.
  return new InferenceService(address, grpc.credentials.createInsecure(), {
    "grpc.enable_retries": 0,
  });
}

function request(question, model) {
  const messages = [{ role: "ROLE_USER", parts: [{ text: question }] }];
  return { chat: { model, messages, sampling: { max_tokens: 64 } } };
}

const deadline = () => ({ deadline: Date.now() + TIMEOUT_MS });

function word(value, prefix) {
  return value.replace(prefix, "");
}

function facts(finished) {
  const degradation = word(finished.degradation, "DEGRADATION_");
  const hops = finished.hops.map((hop) => `${hop.target} ${word(hop.outcome, "HOP_OUTCOME_")}`);
  return (
    `[served by ${finished.served_by} (${finished.model}), ` +
    `degradation ${degradation}; ${hops.join(", ")}]`
  );
}

function askWhole(stub, question, model) {
  return new Promise((resolve, reject) => {
    stub.Generate(request(question, model), deadline(), (error, response) => {
      if (error) {
        reject(error);
        return;
      }
      console.log(response.choices[0].message.parts.map((part) => part.text ?? "").join(""));
      console.log(facts(response.finished));
      resolve();
    });
  });
}

async function askInPieces(stub, question, model) {
  for await (const event of stub.StreamGenerate(request(question, model), deadline())) {
    switch (event.event) {
      case "delta":
        process.stdout.write(event.delta.text ?? "");
        break;
      case "stream_reset":
        console.log("\n[another target starts again]");
        break;
      case "finished":
        console.log(`\n${facts(event.finished)}`);
        break;
    }
  }
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    address: { type: "string", default: process.env.FAILSOFT_ADDRESS ?? "127.0.0.1:50050" },
    model: { type: "string", default: "" },
  },
});
const question = positionals[0] ?? "What is the capital of France?";
const stub = connect(values.address);
try {
  await askWhole(stub, question, values.model);
  await askInPieces(stub, question, values.model);
} catch (error) {
  console.error(`${grpc.status[error.code]}: ${error.details}`);
  process.exitCode = 1;
} finally {
  stub.close();
}
