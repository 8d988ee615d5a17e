// The framework under load, in a process of its own whose CPU time is measured.
//
//     FrameworkLoad mode=MODE [protocol=nats|mqtt] [addr=HOST:PORT] [msgs=N] [size=BYTES]
//                   [headers=0|1] [qos=0|1|2]
//
// MODE is send, publish, consume, request or answer over a server, with framework-peer or mqtt-peer
// at the other end; subscriptions or requests, as many at once as msgs says, for what they hold of
// memory; embedded-publish or embedded-batches inside the process. Prints one line of JSON.

import Godwit
import GodwitMQTT
import GodwitNATS
import Logging

let arguments = try Arguments(CommandLine.arguments.dropFirst())

switch arguments.mode {
case "embedded-publish": try await EmbeddedLoads(arguments: arguments).publish()
case "embedded-batches": try await EmbeddedLoads(arguments: arguments).publishBatches()
default:
  let logger = Logger(label: "load") { StreamLogHandler.standardError(label: $0) }
  let broker: Broker
  switch arguments.scheme {
  case "nats": broker = try Broker.nats(url: "nats://\(arguments.address)", logger: logger)
  case "mqtt":
    var settings = try MQTTSettings(url: "mqtt://\(arguments.address)")
    // Nothing is kept for who has measured: it would be measured with those who come after.
    settings.sessionExpirySeconds = 0
    settings.qos = MQTTSettings.QualityOfService(rawValue: arguments.qos) ?? .atLeastOnce
    broker = try Broker.mqtt(settings, logger: logger)
  default: throw Unusable(what: "protocol=\(arguments.scheme)")
  }
  let loads = BrokerLoads(broker: broker, arguments: arguments)
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
