import GodwitEngine
import GodwitStorage
import NIOCore
import NIOPosix
import TestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The store on the operating system's own files.
@Suite struct PosixDiskTests {
  private func disk() -> PosixDisk {
    PosixDisk(eventLoop: MultiThreadedEventLoopGroup.singleton.next(), threads: .singleton)
  }

  /// Two event loops that write.
  private final class Writers: PartitionLoops {
    let count = 2
    private let loop: any EventLoop
    private let others: [any EventLoop]

    init(beside loop: any EventLoop) {
      self.loop = loop
      let group = MultiThreadedEventLoopGroup.singleton
      self.others = [group.next(), group.next()]
    }

    func run<Result: Sendable>(
      on number: Int, _ work: @escaping @Sendable () -> Result, _ done: @escaping (Result) -> Void
    ) {
      let loop = self.loop
      let back = NIOLoopBound(done, eventLoop: loop)
      self.others[number % 2].execute {
        let result = work()
        loop.execute { back.value(result) }
      }
    }
  }

  /// Appends what is given, waits until it is committed, and says what the log holds.
  private func append(
    _ bodies: [String], to folder: String, _ settings: StoreSettings
  ) async throws -> [String] {
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    let promise = loop.makePromise(of: [String].self)
    loop.execute {
      do {
        let disk = PosixDisk(
          eventLoop: loop, threads: .singleton, writers: Writers(beside: loop))
        let engine = Engine(now: 1)
        let store = try FileStore(
          folder: folder, disk: disk, engine: engine, settings: settings,
          atTurnEnd: { body in loop.assumeIsolated().execute(body) }, report: { _ in })
        let log = try store.log(named: "a log")
        let tenant = engine.tenant(named: "t")
        for body in bodies {
          _ = try log.append(tenant.record(topic: Array("t".utf8), payload: Array(body.utf8)))
        }
        log.whenCommitted(before: log.nextOffset) { error in
          // The engine and the store are needed to here.
          withExtendedLifetime((engine, store)) {
            if let error { return promise.fail(error) }
            var found: [String] = []
            var offset = log.next(from: 0)
            while offset < log.committedOffset {
              guard let record = log.record(at: offset) else { break }
              found.append(String(decoding: record.body.readableBytesView, as: UTF8.self))
              offset = log.next(from: offset + 1)
            }
            promise.succeed(found)
          }
        }
      } catch {
        promise.fail(error)
      }
    }
    return try await promise.futureResult.get()
  }

  @Test func piecesAreReadOneBehindTheOther() async throws {
    let place = try TestFolder()
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    let promise = loop.makePromise(of: [String].self)
    loop.execute {
      do {
        let disk = PosixDisk(eventLoop: loop, threads: .singleton)
        let file = try disk.open("\(place.path)/file", isNew: true)
        try file.write(ByteBuffer(string: "0123456789"), at: 0)
        file.load([3, 4, 10, 5], at: 2) { result in
          switch result {
          case .success(let pieces): promise.succeed(pieces.map { String(buffer: $0) })
          case .failure(let error): promise.fail(error)
          }
        }
      } catch {
        promise.fail(error)
      }
    }
    // Fewer where the file ends.
    #expect(try await promise.futureResult.get() == ["234", "5678", "9", ""])
  }

  @Test(arguments: [[], [0], [5], [3, 0, 4], Array(repeating: 7, count: 200)])
  func piecesAreWrittenOneBehindTheOther(sizes: [Int]) throws {
    let place = try TestFolder()
    let file = try self.disk().open("\(place.path)/file", isNew: true)
    var whole: [UInt8] = []
    let pieces = sizes.map { size in
      let piece = (0..<size).map { UInt8(truncatingIfNeeded: whole.count + $0) }
      whole += piece
      return ByteBuffer(bytes: piece)
    }
    try file.write(ByteBuffer(string: "head"), at: 0)
    try file.write(pieces, at: 4)
    #expect(try Array(file.read(1 << 20, at: 4).readableBytesView) == whole)
  }

  /// A log that ends here, by a crash or not, is as long as what was written.
  @Test func roomThatIsSetAsideIsNoPartOfTheFile() throws {
    let place = try TestFolder()
    let path = "\(place.path)/file"
    func allocated() throws -> Int {
      var facts = stat()
      try #require(stat(path, &facts) == 0)
      return Int(facts.st_blocks) * 512
    }
    let file = try self.disk().open(path, isNew: true)
    try file.write(ByteBuffer(string: "0123456789"), at: 0)
    file.reserve(behind: 10, upTo: 1 << 20)
    #expect(try file.size() == 10)
    let set = try allocated()
    file.giveBackReserve(behind: 10)
    #expect(try file.size() == 10)
    #expect(try file.read(20, at: 0) == ByteBuffer(string: "0123456789"))
    // Not every file system does it.
    if set >= 1 << 20 { #expect(try allocated() < 1 << 20) }
  }

  /// Whoever makes topic after topic must not take from the logs that are there what they need.
  @Test func thereAreNoMoreLogsThanFilesAreLeftFor() async throws {
    let place = try TestFolder()
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    try await loop.submit {
      let engine = Engine(now: 1)
      func store() throws -> FileStore {
        try FileStore(
          folder: place.path,
          disk: PosixDisk(eventLoop: loop, threads: .singleton, filesMax: 6), engine: engine,
          atTurnEnd: { body in loop.assumeIsolated().execute(body) }, report: { _ in })
      }
      var first = try store()
      // A log has two files: its segment, and what was removed from it.
      for name in ["a", "b", "c"] { _ = try first.log(named: name, isKnown: false) }
      #expect(throws: EngineError.self) { _ = try first.log(named: "d", isKnown: false) }
      #expect(throws: EngineError.self) { _ = try first.journal(named: "j", isKnown: false) }
      _ = try first.log(named: "a", isKnown: false)
      // What each tenant has one of is there in any case.
      _ = try first.journal(named: "own")
      first.remove(named: "own")
      // All are opened at the next start, whatever there is room for.
      first = try store()
      for name in ["e", "c", "b", "a"] { _ = try first.log(named: name, isKnown: true) }
      #expect(throws: EngineError.self) { _ = try first.log(named: "d", isKnown: false) }
      for name in ["e", "b"] { first.remove(named: name) }
      _ = try first.log(named: "d", isKnown: false)
    }.get()
  }

  @Test func whatNobodyUsesTakesNoFile() async throws {
    let place = try TestFolder()
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    try await loop.submit {
      let engine = Engine(now: 1)
      let disk = PosixDisk(eventLoop: loop, threads: .singleton)
      var turns: [() -> Void] = []
      var settings = StoreSettings()
      settings.sync = .never
      let store = try FileStore(
        folder: place.path, disk: disk, engine: engine, settings: settings,
        atTurnEnd: { turns.append($0) }, report: { _ in })
      let log = try store.log(named: "log")
      let journal = try store.journal(named: "journal")
      #expect(turns.isEmpty)
      #expect(try disk.list("\(place.path)/logs").isEmpty)
      #expect(try disk.list("\(place.path)/journals").isEmpty)
      _ = try log.append(
        engine.tenant(named: "t").record(topic: Array("t".utf8), payload: Array("1".utf8)))
      journal.append(ByteBuffer(string: "entry"))
      for turn in turns { turn() }
      #expect(log.record(at: 0) != nil)
      #expect(try disk.list("\(place.path)/logs/log") == ["00000000000000000000.log"])
      #expect(try disk.list("\(place.path)/journals") == ["journal.journal"])
      // One that never had a file goes without a trace, and makes room for another.
      _ = try store.log(named: "other")
      store.remove(named: "other")
      store.remove(named: "log")
      #expect(try disk.list("\(place.path)/logs").isEmpty)
    }.get()
  }

  @Test(arguments: [StoreSettings.Sync.always, .interval(1_000_000), .never], [0, Int.max])
  func whatWasAppendedIsThereAgain(
    sync: StoreSettings.Sync, elsewhereBytesMin: Int
  ) async throws {
    var settings = StoreSettings()
    settings.sync = sync
    settings.elsewhereBytesMin = elsewhereBytesMin
    settings.segmentBytesMax = 10_000
    settings.blockBytes = 1_000
    let place = try TestFolder()
    let folder = "\(place.path)/store"
    let first = (0..<500).map { "message \($0)" }
    let second = (500..<1_000).map { "message \($0)" }
    let once = try await self.append(first, to: "\(folder)/deep/data", settings)
    #expect(once == first)
    let twice = try await self.append(second, to: "\(folder)/deep/data", settings)
    #expect(twice == first + second)
    try self.disk().removeFolder(folder)
  }

  /// Each of several files has its own answer; who waits has been told when the wait is over.
  @Test func severalFilesAreWrittenElsewhere() async throws {
    let place = try TestFolder()
    let loop = MultiThreadedEventLoopGroup(numberOfThreads: 1).next()
    try await loop.submit {
      let disk = PosixDisk(eventLoop: loop, threads: .singleton, writers: Writers(beside: loop))
      let files = try (0..<5).map { try disk.open("\(place.path)/\($0)", isNew: true) }
      let writes = files.enumerated().map { number, file in
        DiskWrite(
          file: file, pieces: [ByteBuffer(string: "ab"), ByteBuffer(string: "\(number)")],
          position: number == 3 ? -1 : number, reservedEnd: number == 4 ? 1 << 20 : nil,
          loop: number)
      }
      var answers: [[DiskError?]] = []
      let pending = disk.write(writes) { answers.append($0) }
      #expect(answers.isEmpty)
      pending?.finish()
      pending?.finish()
      #expect(answers.map { $0.map { $0 == nil } } == [[true, true, true, false, true]])
      for (number, file) in files.enumerated() where number != 3 {
        #expect(try file.size() == number + 3)
        #expect(try file.read(3, at: number) == ByteBuffer(string: "ab\(number)"))
      }
    }.get()
  }

  @Test func aFolderThatCannotBeMadeIsAnError() throws {
    let place = try TestFolder()
    let folder = "\(place.path)/store"
    let disk = self.disk()
    try disk.makeFolder(folder)
    _ = try disk.open("\(folder)/file", isNew: true)
    #expect(throws: DiskError.self) { try disk.makeFolder("\(folder)/file/below") }
    #expect(throws: DiskError.self) { _ = try disk.list("\(folder)/nothing") }
    #expect(throws: DiskError.self) { _ = try disk.open("\(folder)/nothing", isNew: false) }
    try disk.remove("\(folder)/nothing")
    try disk.removeFolder(folder)
  }
}
