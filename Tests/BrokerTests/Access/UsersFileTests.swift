import GodwitBroker
import GodwitFrontEndKit
import Testing

struct UsersFileTests {
  @Test func addsReplacesAndRemoves() throws {
    var file = UsersFile()
    #expect(try UsersFile(yaml: file.text).names == [])
    let first = PasswordHash(password: [1], iterations: 1)
    let second = PasswordHash(password: [2], iterations: 1)
    file.set(name: "ada", password: first, tenant: "acme")
    file.set(name: "b\"ob", password: first, tenant: nil)
    file.set(name: "ada", password: second, tenant: nil)
    let read = try UsersFile(yaml: file.text)
    #expect(read.names == ["ada", "b\"ob"])
    let users = try read.checked()
    #expect(users[0].text("password") == second.text)
    #expect(users[0].text("tenant") == "acme")
    #expect(users[1].text("tenant") == "")
    var rest = read
    let answers = [rest.remove(name: "ada"), rest.remove(name: "ada")]
    #expect(answers == [true, false])
    #expect(rest.names == ["b\"ob"])
  }

  @Test func keepsWhatItDoesNotTouch() throws {
    var file = try UsersFile(
      yaml: "users:\n  - name: a\n    password: x\n    permissions: {publish: {allow: [t]}}\n")
    file.set(name: "a", password: PasswordHash(password: [1], iterations: 1), tenant: nil)
    let users = try UsersFile(yaml: file.text).checked()
    #expect(users[0].map("permissions").map("publish").texts("allow") == ["t"])
  }

  @Test func refusesOtherFiles() {
    #expect(throws: (any Error).self) { try UsersFile(yaml: "user: []") }
    #expect(throws: (any Error).self) { try UsersFile(yaml: "users: [{nmae: a}]") }
  }
}
