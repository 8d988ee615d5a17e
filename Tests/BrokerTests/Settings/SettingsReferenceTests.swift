import FoundationEssentials
import GodwitBroker
import Testing

struct SettingsReferenceTests {
  @Test func thePageInDocsIsTheOneThatIsPrinted() throws {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    let page = try String(
      decoding: Data(contentsOf: root.appending(path: "docs/settings.md")), as: UTF8.self)
    #expect(
      page == SettingsText.reference(), "run `godwit config reference > docs/settings.md`")
  }
}
