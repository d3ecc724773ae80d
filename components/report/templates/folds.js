// Opens the collapsed sections that a link in the page leads to, and all of them before the page is printed.
(() => {
  "use strict";
  function open() {
    const id = decodeURIComponent(location.hash.slice(1));
    const fold = id && document.getElementById(id)?.querySelector(":scope > details.fold");
    if (fold) fold.open = true;
  }
  addEventListener("hashchange", open);
  document.querySelector("nav").addEventListener("click", (event) => {
    // A second click on a link does not change the address.
    if (event.target.hash && event.target.hash === location.hash) open();
  });
  addEventListener("beforeprint", () => {
    for (const details of document.querySelectorAll("details")) details.open = true;
  });
  open();
})();
