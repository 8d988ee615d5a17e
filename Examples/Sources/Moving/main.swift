// One service on any broker: inside the process, or at a NATS server, as its environment says.
//   swift run Moving
//   BROKER_URL=nats://127.0.0.1:4222 swift run Moving
import Foundation
import Godwit
import GodwitEmbedded
import GodwitNATS
import ServiceLifecycle

struct Reading: Codable, Sendable {
  var sensor: String
  var celsius: Double
}

struct Alarm: Codable, Sendable {
  var sensor: String
}

let url = ProcessInfo.processInfo.environment["BROKER_URL"] ?? "embedded:"
let broker = try Broker(url: url, drivers: [.embedded, .nats])

let readings = Topic<Reading>("readings.greenhouse")
let alarms = Topic<Alarm>("alarms")
let (lines, line) = AsyncStream.makeStream(of: String.self)

/// Ends the app after one alarm.
struct UntilTheAlarm: Service {
  func run() async throws {
    for await text in lines { return print(text) }
  }
}

let app = App("greenhouse") {
  broker
  Subscription(to: TopicPattern<Reading>("readings.>"), on: broker, group: "watch") { reading in
    guard reading.payload.celsius > 40 else { return .ack }
    try await broker.publish(Alarm(sensor: reading.payload.sensor), to: alarms)
    return .ack
  }
  Subscription(to: alarms, on: broker) { alarm in
    line.yield("\(alarm.payload.sensor) is on fire")
    return .ack
  }
  UntilTheAlarm()
}
.on(.afterStart) {
  try await broker.publish(
    contentsOf: [
      Reading(sensor: "tomatoes", celsius: 24), Reading(sensor: "chilies", celsius: 61),
    ], to: readings)
}

try await app.run()
