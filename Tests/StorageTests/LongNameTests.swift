import GodwitEngine
import GodwitSimulator
import NIOCore
import Testing

@testable import GodwitStorage

@Suite struct LongNameTests {
  private static func open(_ disk: SimulatedDisk) throws -> (FileStore, Engine) {
    let engine = Engine(now: 1)
    let store = try FileStore(
      folder: "data", disk: disk, engine: engine, atTurnEnd: { $0() }, report: { _ in })
    return (store, engine)
  }

  private static func entries(_ store: FileStore, _ name: String) throws -> [String] {
    var found: [String] = []
    try store.journal(named: name).replay { found.append(String(buffer: $0)) }
    return found
  }

  /// Names as long as Kafka and JetStream have them, that begin alike.
  private static let names = [
    String(repeating: "a", count: 240), String(repeating: "a", count: 241),
    String(repeating: "a", count: 255), String(repeating: "a", count: 254) + "b",
    "topic " + String(repeating: ".", count: 249) + "/100000",
    "log of " + String(repeating: "ä", count: 127),
  ]

  @Test func longNamesLast() throws {
    let disk = SimulatedDisk(seed: 1)
    do {
      let (store, engine) = try Self.open(disk)
      for name in Self.names {
        let journal = try store.journal(named: name)
        try journal.replay { _ in }
        journal.append(ByteBuffer(string: "of \(name)"))
        let record = engine.tenant(named: "t").record(
          topic: Array("t".utf8), payload: Array(name.utf8))
        _ = try store.log(named: name).append(record)
      }
      store.close {}
      withExtendedLifetime(engine) {}
    }
    let (store, engine) = try Self.open(disk)
    defer { withExtendedLifetime(engine) {} }
    for name in Self.names { #expect(try Self.entries(store, name) == ["of \(name)"]) }
    let inspection = StoreInspection(folder: "data", disk: disk)
    #expect(try inspection.logs() == Self.names.sorted())
    for name in Self.names {
      let body = try store.log(named: name).record(at: 0)?.body
      #expect(body.map { String(buffer: $0) } == name)
    }
    #expect(try inspection.journalProblems() == [])
    for name in Self.names { #expect(try inspection.read(name, engine).problems == []) }
    // One that goes takes none with it that begins like it.
    store.remove(named: Self.names[2])
    #expect(try inspection.logs() == Self.names.filter { $0 != Self.names[2] }.sorted())
    #expect(try Self.entries(store, Self.names[2]) == [])
  }

  @Test(arguments: names)
  func aNameHasOnePath(_ name: String) throws {
    let path = try #require(FileName.path(name))
    #expect(FileName.name(at: path) == name)
    for piece in path.split(separator: "/") { #expect(piece.utf8.count <= FileName.bytesMax) }
    let isShort = FileName.escape(name).utf8.count <= FileName.bytesMax
    #expect(path.contains("/") != isShort)
    // A short name lies where it always did.
    if isShort { #expect(path == FileName.escape(name)) }
  }

  @Test func whatNoNameBecameIsNoPath() {
    #expect(FileName.name(at: "a%/b") == nil)
    #expect(FileName.name(at: "a/b") == nil)
    #expect(FileName.name(at: String(repeating: "a", count: 200) + "%/b") == nil)
    #expect(FileName.path(String(repeating: ".", count: 1_000)) == nil)
  }

  @Test func whatIsTooLongIsRefused() throws {
    let (store, engine) = try Self.open(SimulatedDisk(seed: 2))
    defer { withExtendedLifetime(engine) {} }
    let name = String(repeating: "a", count: 2_000)
    #expect(throws: EngineError.self) { try store.log(named: name) }
    #expect(throws: EngineError.self) { try store.journal(named: name) }
  }
}
