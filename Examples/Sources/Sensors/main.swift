// Sensors and fans speak MQTT, workers speak NATS; one `godwit serve` stands between them.
//   godwit serve
//   swift run Sensors
import Foundation
import Godwit
import GodwitMQTT
import GodwitNATS
import ServiceLifecycle

struct Reading: Codable, Sendable {
  var celsius: Double
}

struct Command: Codable, Sendable {
  var isOn: Bool
}

let environment = ProcessInfo.processInfo.environment
let devices = try Broker.mqtt(url: environment["MQTT_URL"] ?? "mqtt://127.0.0.1:1883")
let workers = try Broker.nats(url: environment["NATS_URL"] ?? "nats://127.0.0.1:4222")
let (lines, line) = AsyncStream.makeStream(of: String.self)

/// Ends the app after two commands.
struct UntilTwoFansAreOn: Service {
  func run() async throws {
    var count = 0
    for await text in lines {
      print(text)
      count += 1
      if count == 2 { return }
    }
  }
}

/// One of the workers, who share the readings: a queue group of NATS.
func worker(_ id: String) -> Subscription {
  Subscription(
    to: TopicPattern<Reading>("rooms.*.temperature"), on: workers, group: "climate", id: id
  ) { reading in
    guard reading.payload.celsius > 30 else { return .ack }
    let fan = reading.topic.replacing("temperature", with: "fan")
    try await workers.publish(
      Command(isOn: true), to: Topic<Command>(fan),
      headers: ["Because-Of": reading.message.headers["Sensor"] ?? "?"])
    return .ack
  }
}

let app = App("climate") {
  devices
  workers
  worker("worker 1")
  worker("worker 2")
  // The fans: MQTT devices again, at QoS 1. The topic is `rooms/cellar/fan` to them.
  Subscription(to: TopicPattern<Command>("rooms.*.fan"), on: devices, id: "fans") { command in
    let cause = command.message.headers["Because-Of"] ?? "?"
    line.yield("\(command.topic) is \(command.payload.isOn ? "on" : "off") because of \(cause)")
    return .ack
  }
  UntilTwoFansAreOn()
}
.on(.afterStart) {
  for (room, celsius) in [("cellar", 12.0), ("kitchen", 31), ("attic", 38)] {
    try await devices.publish(
      Reading(celsius: celsius), to: Topic<Reading>("rooms.\(room).temperature"),
      headers: ["Sensor": "\(room)-1"])
  }
}

try await app.run()
