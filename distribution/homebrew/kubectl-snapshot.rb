# Template of the Homebrew formula for a tap of your own; scripts/release fills it in.
class KubectlSnapshot < Formula
  desc "Capture, compare and check the configuration of Kubernetes nodes"
  homepage "${homepage}"
  url "${uri}"
  version "${version}"
  sha256 "${sha256}"
  license "Apache-2.0"

  # Any Python from 3.9 on: macOS' own, or Homebrew's.
  uses_from_macos "python", since: :catalina

  def install
    bin.install "kubectl-snapshot"
    # Writes kubectl_complete-snapshot, which kubectl calls on TAB, beside the program.
    with_env(PATH: "#{bin}:#{ENV["PATH"]}") do
      system bin/"kubectl-snapshot", "completion", "bash", "--install"
    end
    generate_completions_from_executable(bin/"kubectl-snapshot", "completion")
  end

  test do
    shown = shell_output("#{bin}/kubectl-snapshot version --client -o json")
    assert_match "\"version\": \"#{version}\"", shown
  end
end
