// Events for others to read: CloudEvents in both modes, MessagePack inside, consumed in batches and
// as a sequence. It ends by itself.
import Godwit
import GodwitEmbedded
import GodwitMessagePack

struct Reading: Codable, Sendable {
  var sensor: String
  var celsius: Double
}

let readings = Topic<CloudEvent<Reading>>("readings", contentType: "application/msgpack")
let alarms = Topic<CloudEvent<Reading>>("alarms", contentType: CloudEventFormat.json)

var codecs = CodecRegistry.defaults
codecs.register(MessagePackCodec())

try await withEmbeddedBroker(codecs: codecs) { broker in
  // Four readings at a time; what is too warm goes on as an event of its own.
  let watch = Subscription(
    batchesOf: readings, on: broker, group: "watch", batch: .init(size: 4, within: .seconds(60))
  ) { batch in
    print("\(batch.count) readings")
    for event in batch.map(\.payload) {
      guard let reading = event.data, reading.celsius > 80 else { continue }
      let alarm = CloudEvent(
        source: event.source, type: "org.example.too-warm", subject: reading.sensor, data: reading)
      try await broker.publish(alarm, to: alarms)
    }
    return .all(.ack)
  }
  try await broker.withDeliveries(of: alarms, group: "office") { alarms in
    try await watch.whileRunning {
      for celsius in [20.5, 85, 21, 90] {
        let reading = Reading(sensor: "boiler-\(Int(celsius))", celsius: celsius)
        let event = CloudEvent(source: "/plant/1", type: "org.example.reading", data: reading)
        try await broker.publish(event, to: readings)
      }
      var count = 0
      for await alarm in alarms {
        print("\(alarm.payload.subject ?? "") is too warm, \(alarm.message.contentType ?? "")")
        try alarm.settle(.ack)
        count += 1
        if count == 2 { break }
      }
    }
  }
}
