// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "conduit-load",
  dependencies: [.package(name: "godwit", path: "../..")],
  targets: [
    .executableTarget(
      name: "ConduitLoad",
      dependencies: [
        .product(name: "Godwit", package: "godwit"),
        .product(name: "GodwitConduit", package: "godwit"),
        .product(name: "GodwitNATS", package: "godwit"),
      ])
  ],
  swiftLanguageModes: [.v6]
)
