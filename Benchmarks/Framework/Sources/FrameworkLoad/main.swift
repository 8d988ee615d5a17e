// The framework under load, in a process of its own whose CPU time is measured.
//
//     FrameworkLoad mode=MODE [addr=HOST:PORT] [msgs=N] [size=BYTES] [headers=0|1]
//
// MODE is send, publish, consume, request or answer over a NATS server, with framework-peer at the
// other end; subscriptions or requests, as many at once as msgs says, for what they hold of memory;
// embedded-publish or embedded-batches inside the process. Prints one line of JSON.

import Godwit
import GodwitNATS
import Logging

let arguments = try Arguments(CommandLine.arguments.dropFirst())

switch arguments.mode {
case "embedded-publish": try await EmbeddedLoads(arguments: arguments).publish()
case "embedded-batches": try await EmbeddedLoads(arguments: arguments).publishBatches()
default:
  let logger = Logger(label: "load") { StreamLogHandler.standardError(label: $0) }
  let broker = try Broker.nats(url: "nats://\(arguments.address)", logger: logger)
  let loads = NATSLoads(broker: broker, arguments: arguments)
  try await broker.start()
  switch arguments.mode {
  case "send": try await loads.send()
  case "publish": try await loads.publish()
  case "consume": try await loads.consume()
  case "request": try await loads.request()
  case "answer": try await loads.answer()
  case "subscriptions": try await loads.subscriptions()
  case "requests": try await loads.requests()
  default: throw Unusable(what: "mode=\(arguments.mode)")
  }
}
