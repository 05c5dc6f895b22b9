"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const [form, status, cards, more, template, models] = ["filters", "status", "cards", "more", "card", "models"].map((id) => document.getElementById(id));
  const [most, batch] = [8, 12]; // pictures of a card, cards at a time

  // What is searched: without case and accents.
  const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  const count = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, "\u202f");
  const counted = (n, what) => `${count(n)} ${what}${n === 1 ? "" : "s"}`;
  const drawn = (samples) => samples.reduce((sum, { files }) => sum + files.length, 0);
  const prompts = data.prompts.map(plain);
  for (const model of data.models) {
    model.about = plain(model.about);
    model.samples = model.samples.map(([type, prompt, begin, ...ends], place) => ({ type, prompt, place, files: ends.map((end) => begin + end) }));
    model.drawn = drawn(model.samples);
  }

  // The address keeps what is filtered by: it can be linked to, and is there again after going back.
  const query = () => new URLSearchParams([...new FormData(form)].filter(([, value]) => value)).toString();
  const restore = () => {
    const wanted = new URLSearchParams(location.hash.slice(1));
    for (const { name } of form.querySelectorAll("[name]")) {
      form.elements[name].value = wanted.get(name) ?? "";
      form.elements[name].value ||= ""; // a choice that there is none of
    }
  };

  // A word that prompts of a model have leaves their images; any other must be in what else is known of the model.
  const find = () => {
    const wanted = Object.fromEntries(new FormData(form));
    const words = plain(wanted.q).split(/\s+/).filter(Boolean);
    const type = data.types.indexOf(wanted.type);
    const found = [];
    for (const model of data.models) {
      if ((wanted.set && model.set !== wanted.set) || (wanted.split && model.split !== wanted.split) || (wanted.of && model.name !== wanted.of)) continue;
      const pool = type < 0 ? model.samples : model.samples.filter((sample) => sample.type === type);
      const asked = words.filter((word) => pool.some((sample) => prompts[sample.prompt].includes(word)));
      if (words.some((word) => !asked.includes(word) && !model.about.includes(word))) continue;
      const samples = pool.filter((sample) => asked.every((word) => prompts[sample.prompt].includes(word)));
      if (samples.length > 0) found.push({ model, samples, searched: samples.length < pool.length });
    }
    return found;
  };

  const picture = (model, file, alt) => {
    const image = new Image();
    image.loading = "lazy";
    image.decoding = "async";
    image.alt = alt;
    image.src = `${data.images}models/${model.id}/${file}`;
    return image;
  };

  const card = ({ model, samples, searched }) => {
    const item = template.content.firstElementChild.cloneNode(true);
    const [link, meta, pictures, texts] = ["a", ".meta", ".pictures", ".texts"].map((part) => item.querySelector(part));
    const page = `pages/${model.id}.html`;
    link.href = page;
    link.textContent = model.name;
    const all = drawn(samples);
    meta.textContent = [
      model.id,
      model.split,
      ...(model.left ? [model.left] : []),
      ...(model.exemplars.length > 1 ? [counted(model.exemplars.length, "exemplar")] : []),
      all < model.drawn ? `${count(all)} of ${counted(model.drawn, "image")}` : counted(all, "image"),
    ].join(" · ");

    const exemplars = document.createElement("a");
    exemplars.href = page;
    exemplars.tabIndex = -1;
    exemplars.className = model.exemplars.length > 1 ? "exemplars several" : "exemplars";
    exemplars.append(...model.exemplars.slice(0, 4).map((file) => picture(model, file, "Exemplar")));
    pictures.append(exemplars);
    const images = samples.flatMap(({ prompt, place, files }) => files.map((file) => ({ prompt, place, file })));
    const shown = Math.min(most, images.length);
    for (let i = 0; i < shown; i++) {
      const { prompt, place, file } = images[Math.floor((i * images.length) / shown)]; // from all over
      const sample = document.createElement("a");
      sample.href = `${page}#p${place}`;
      sample.tabIndex = -1;
      sample.title = data.prompts[prompt];
      sample.append(picture(model, file, data.prompts[prompt]));
      pictures.append(sample);
    }

    if (searched) {
      const found = [...new Set(samples.map(({ prompt }) => prompt))];
      for (const text of [...found.slice(0, 3).map((prompt) => data.prompts[prompt]), ...(found.length > 3 ? [`and ${counted(found.length - 3, "prompt")} more`] : [])]) {
        texts.appendChild(document.createElement("li")).textContent = text;
      }
    }

    return item;
  };

  let [found, made] = [[], 0];
  const add = () => {
    cards.append(...found.slice(made, made + batch).map(card));
    made = Math.min(made + batch, found.length);
    more.hidden = made === found.length;
    near.unobserve(more); // observed anew, it tells once more where it is near still
    near.observe(more);
  };
  const near = new IntersectionObserver(([entry]) => entry.isIntersecting && add(), { rootMargin: "1000px" });

  const show = () => {
    [found, made] = [find(), 0];
    const images = found.reduce((sum, { samples }) => sum + drawn(samples), 0);
    status.textContent = found.length > 0 ? `${counted(found.length, "model")}, ${counted(images, "image")}` : "No model fits. Search for less, or clear the filters.";
    cards.replaceChildren();
    add();
    if (models.getBoundingClientRect().top < 0) models.scrollIntoView({ behavior: "instant" });
  };

  let later = 0;
  const changed = () => {
    show();
    clearTimeout(later);
    later = setTimeout(() => location.replace(`#${query()}`), 300); // not at each letter: browsers forbid that
  };
  form.addEventListener("input", changed);
  form.addEventListener("reset", () => setTimeout(changed));
  form.addEventListener("submit", (event) => event.preventDefault());
  more.addEventListener("click", add);
  addEventListener("hashchange", () => {
    const hash = location.hash.slice(1);
    if ((hash === "" || hash.includes("=")) && hash !== query()) {
      clearTimeout(later);
      restore();
      show();
      models.scrollIntoView();
    }
  });
  form.hidden = false;
  restore();
  show();
})();
