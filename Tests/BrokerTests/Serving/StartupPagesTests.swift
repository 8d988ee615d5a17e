import GodwitBroker
import Testing

struct StartupPagesTests {
  @Test func codeRunsOnWithoutItsPages() {
    // This program's code is larger than a mebibyte.
    #expect(StartupPages.release() > 1 << 20)
    #expect([3, 1, 2].sorted() == [1, 2, 3])
  }
}
