import NIOCore
import NIOEmbedded
import Testing

@testable import GodwitBroker

struct SpareMemoryTests {
  private let loop = EmbeddedEventLoop()

  @Test func memoryIsGivenBackThatNobodyHolds() {
    var size = SpareMemory.Size(resident: 0, held: 0)
    var given = 0
    var left = 0
    let memory = SpareMemory(
      self.loop, size: { size },
      giveBack: { done in
        given += 1
        size.resident = left
        done()
      })
    memory.start()
    func look(resident: Int, held: Int, leaving rest: Int = 0) -> Int {
      size = .init(resident: resident << 20, held: held << 20)
      left = rest << 20
      self.loop.advanceTime(by: SpareMemory.interval)
      return given
    }
    // Little has come, or most of it is in use.
    #expect(look(resident: 63, held: 0) == 0)
    #expect(look(resident: 900, held: 500) == 0)
    #expect(look(resident: 900, held: 100, leaving: 300) == 1)
    // What could not be given back is not asked for again, until more has come.
    #expect(look(resident: 300, held: 0) == 1)
    #expect(look(resident: 363, held: 0) == 1)
    #expect(look(resident: 364, held: 0, leaving: 10) == 2)
    #expect(look(resident: 80, held: 60) == 2)
    #expect(look(resident: 80, held: 0) == 3)
    memory.stop()
    #expect(look(resident: 900, held: 0) == 3)
  }

  @Test func nobodyLooksWhileMemoryIsGivenBack() {
    var resident = 0
    var waiting: [() -> Void] = []
    let memory = SpareMemory(
      self.loop, size: { .init(resident: resident, held: 0) }, giveBack: { waiting.append($0) })
    memory.start()
    resident = 1 << 30
    self.loop.advanceTime(by: .hours(1))
    #expect(waiting.count == 1)
    waiting.removeFirst()()
    resident = 1 << 31
    self.loop.advanceTime(by: .hours(1))
    #expect(waiting.count == 1)
  }
}
