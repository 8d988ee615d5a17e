// A chat over Conduit: a room that knows who is there, members who hear each other, and a picture.
//   swift run Chat
//   BROKER_URL=nats://127.0.0.1:4222 swift run Chat
import Foundation
import Godwit
import GodwitConduit
import GodwitEmbedded
import GodwitNATS
import NIOCore

struct Line: Codable, Sendable {
  var from: String
  var text: String
}

/// The room: it answers who joins with who is there.
actor Guests {
  private var names: [String] = []

  func join(_ name: String) throws -> [String] {
    guard !self.names.contains(name) else {
      throw GodwitError(.invalidArgument, "\(name) is here already")
    }
    self.names.append(name)
    return self.names
  }
}

/// Prints what a member hears, to the last line.
@Sendable func listen(_ name: String, to lines: Binding) async throws {
  for await message in lines {
    let line = try await message.payload(as: Line.self)
    print("\(name) hears \(line.from): \(line.text)")
    if line.text == "bye" { break }
  }
}

/// A picture of ten megabytes, made as it is sent.
struct Picture: AsyncSequence, Sendable {
  typealias Element = ByteBuffer

  func makeAsyncIterator() -> Iterator { Iterator() }

  struct Iterator: AsyncIteratorProtocol {
    let row = ByteBuffer(repeating: 0xFF, count: 100_000)
    var rows = 0

    mutating func next() async -> ByteBuffer? {
      self.rows += 1
      return self.rows <= 100 ? self.row : nil
    }
  }
}

let url = ProcessInfo.processInfo.environment["BROKER_URL"] ?? "embedded:"
let broker = try Broker(url: url, drivers: [.embedded, .nats])

try await broker.whileRunning {
  let room = try Conduit("chat-room", on: broker)
  let joins = try await room.queueBind("join")
  let guests = Guests()
  async let serving: Void = joins.answer(String.self) { try await guests.join($0) }

  // Two instances of one service: what is said to it, both hear.
  let ada = try Conduit("chat-member", on: broker)
  let bob = try Conduit("chat-member", on: broker)
  for (conduit, name) in [(ada, "Ada"), (bob, "Bob")] {
    let here: [String] = try await conduit.service("chat-room").request("join", name)
    print("\(name) joins: \(here.joined(separator: ", "))")
  }
  do throws(GodwitError) {
    let _: [String] = try await bob.service("chat-room").request("join", "Bob")
  } catch {
    print("Bob cannot join: \(error.message)")
  }

  async let adaListens: Void = listen("Ada", to: try await ada.bind("said"))
  async let bobListens: Void = listen("Bob", to: try await bob.bind("said"))
  let pictures = try await bob.bindOnce("picture")
  async let looking: Void = {
    var size = 0
    for try await part in try await pictures.next().body { size += part.readableBytes }
    print("Bob sees a picture of \(size) bytes")
  }()

  try await ada.own.send("picture", stream: Picture())
  try await looking
  try await ada.own.send("said", Line(from: "Ada", text: "hello"))
  try await bob.own.send("said", Line(from: "Bob", text: "bye"))
  _ = try await (adaListens, bobListens)
  for conduit in [ada, bob, room] { await conduit.close() }
  await serving
}
