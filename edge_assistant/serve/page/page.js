// The token stands behind the # of the link, which browsers do not send. It is kept for a reload of this tab only, and
// taken out of the address. textual.js connects to the address that is written here, once the page is loaded.
const KEY = "token";
if (location.hash.length > 1) {
  sessionStorage.setItem(KEY, decodeURIComponent(location.hash.slice(1)));
  history.replaceState(null, "", location.pathname);
}
const token = encodeURIComponent(sessionStorage.getItem(KEY) ?? "");
const terminal = document.getElementById("terminal");
terminal.dataset.sessionWebsocketUrl = `ws://${location.host}/session/${token}`;
document.getElementById("again").addEventListener("click", () => location.reload());
new MutationObserver((_, seen) => {
  if (document.body.classList.contains("-loaded")) {  // connected: keys go to the terminal without a click
    seen.disconnect();
    document.querySelector(".xterm-helper-textarea").focus();
  }
}).observe(document.body, { attributeFilter: ["class"] });
window.addEventListener("hashchange", () => location.reload());

// xterm.js tells the app of a wheel, but not of a finger that scrolls.
let finger = 0;
terminal.addEventListener("touchstart", (event) => { finger = event.touches[0].clientY; });
terminal.addEventListener("touchmove", (event) => {
  const { clientX, clientY } = event.touches[0];
  event.target.dispatchEvent(new WheelEvent("wheel", { deltaY: finger - clientY, clientX, clientY, bubbles: true, cancelable: true }));
  finger = clientY;
});
