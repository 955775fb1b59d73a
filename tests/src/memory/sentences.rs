//! Memories in English and questions about them, whose answers are known: for models that know what words mean. Written for
//! these tests.

use super::questions::Class;

/// A memory, what is asked that it answers, and a memory that has the words of the question and does not.
#[derive(Debug, Clone, Copy)]
pub struct Told {
    /// What is hard about it.
    pub class: Class,
    /// What is remembered.
    pub memory: &'static str,
    /// What is asked.
    pub question: &'static str,
    /// What looks alike. Of a superseded fact: what was so before.
    pub decoy: &'static str,
    /// What the memory leads to, where it takes two to answer.
    pub next: Option<&'static str>,
}

const fn told(class: Class, memory: &'static str, question: &'static str, decoy: &'static str) -> Told {
    Told { class, memory, question, decoy, next: None }
}

const fn hop(memory: &'static str, next: &'static str, question: &'static str, decoy: &'static str) -> Told {
    Told { class: Class::MultiHop, memory, question, decoy, next: Some(next) }
}

use Class::{Identifier, Paraphrase, Superseded, TimeBound};

/// All of them.
pub const TOLD: [Told; 50] = [
    told(
        Paraphrase,
        "She breaks out in hives whenever she eats peanuts.",
        "Which food is she allergic to?",
        "She was asked which food stall the fair would allow.",
    ),
    told(
        Paraphrase,
        "Do not phone him before ten in the morning.",
        "When is it too early to call?",
        "The call for papers closes too early this year.",
    ),
    told(
        Paraphrase,
        "Their daughter was born in a clinic near Lyon.",
        "Where did the couple have their child?",
        "The couple at the next table did not have a menu for a child.",
    ),
    told(
        Paraphrase,
        "The old laptop dies after twenty minutes away from the wall socket.",
        "How long does the battery last?",
        "The battery of guns fired last, and how long it took nobody knows.",
    ),
    told(
        Paraphrase,
        "He swapped meat for lentils two winters ago.",
        "Is he a vegetarian?",
        "He is a fan of the film The Vegetarian.",
    ),
    told(
        Paraphrase,
        "Rehearsals happen in the basement of the church.",
        "Where does the band practise?",
        "A rubber band does what it does where it is put.",
    ),
    told(
        Paraphrase,
        "The landlord wants the rent on the first of each month.",
        "When is the payment for the flat due?",
        "The payment terminal lay flat on the desk due to a lost screw.",
    ),
    told(
        Paraphrase,
        "Grandfather flew bombers during the war.",
        "What did her ancestor do in the military?",
        "The military museum did what it could for her.",
    ),
    told(
        Paraphrase,
        "The dentist pulled two of her wisdom teeth.",
        "What surgery did she have in her mouth?",
        "The river has its mouth where the surgery van did stop.",
    ),
    told(
        Paraphrase,
        "It takes him an hour by train to get to the office.",
        "How long is his commute?",
        "His sentence was long, and they did commute it.",
    ),
    told(
        Paraphrase,
        "The kids are scared of the neighbour's big dog.",
        "Which animal frightens the children?",
        "The children drew which animal they liked: a fish.",
    ),
    told(
        Paraphrase,
        "Their wedding cake had lemon and poppy seeds.",
        "What dessert was served when they got married?",
        "What was served to the court was not a dessert but a summons.",
    ),
    told(
        Paraphrase,
        "He gave up smoking after the heart attack.",
        "What made him quit cigarettes?",
        "He made cigarettes of chocolate, quite a hit.",
    ),
    told(
        Paraphrase,
        "The garden floods whenever it pours.",
        "What happens outside in heavy rain?",
        "What happens in a heavy book called Rain is quickly told.",
    ),
    told(
        Paraphrase,
        "Her favourite colour for walls is a pale green.",
        "How should we paint the room for her?",
        "We should make room for paint cans, how about her shelf?",
    ),
    told(
        Paraphrase,
        "The plane to Oslo left without them.",
        "Did they miss their flight?",
        "They did a flight of stairs, and Miss Berg did theirs.",
    ),
    told(
        Identifier,
        "Ticket ZX-4411 is about the login page that stays blank.",
        "What is ZX-4411 about?",
        "Ticket ZX-4412 is about the login page that loads twice.",
    ),
    told(
        Identifier,
        "The spare key is in locker 50817.",
        "What is kept in 50817?",
        "The spare bulbs are in locker 50871.",
    ),
    told(
        Identifier,
        "Invoice R-2291 was paid by the school.",
        "Who paid R-2291?",
        "Invoice R-2219 was paid by the hospital.",
    ),
    told(
        Identifier,
        "Flight LH1873 goes to Bergamo.",
        "Where does LH1873 go?",
        "Flight LH1837 goes to Valencia.",
    ),
    told(
        Identifier,
        "Build 7.14.2 fixed the leak in the parser.",
        "What did 7.14.2 fix?",
        "Build 7.12.4 fixed the leak in the renderer.",
    ),
    told(
        Identifier,
        "The contract NDA_0092 ends in spring.",
        "When does NDA_0092 end?",
        "The contract NDA_0029 ends in autumn.",
    ),
    told(
        Identifier,
        "Gate B27 is closed for repairs.",
        "What about B27?",
        "Gate B72 is closed for cleaning.",
    ),
    told(
        Identifier,
        "The camera with the serial K9930F has a cracked lens.",
        "What is wrong with K9930F?",
        "The camera with the serial K9903F has a stuck shutter.",
    ),
    told(
        Identifier,
        "Room E4-110 has the good projector.",
        "What is in E4-110?",
        "Room E4-101 has the broken projector.",
    ),
    told(
        Identifier,
        "Patch `fix_utf16` makes old files readable.",
        "What does fix_utf16 do?",
        "Patch `fix_utf61` makes old menus readable.",
    ),
    told(
        TimeBound,
        "The shop on the corner belongs to the Haddad family.",
        "Who owns the corner shop?",
        "The shop on the corner belongs to the Novak family.",
    ),
    told(
        TimeBound,
        "The head of the team is Priya.",
        "Who leads the team?",
        "The head of the team is Johan.",
    ),
    told(
        TimeBound,
        "The bus to the lake leaves every half hour.",
        "How often can one ride to the lake?",
        "The bus to the lake leaves twice a day.",
    ),
    told(
        TimeBound,
        "The gym costs forty a month.",
        "What is the fee for working out?",
        "The gym costs thirty a month.",
    ),
    told(
        TimeBound,
        "Her desk is on the third floor.",
        "On which storey does she work?",
        "Her desk is on the ground floor.",
    ),
    told(
        TimeBound,
        "The café opens at seven.",
        "From what hour can I get breakfast there?",
        "The café opens at nine.",
    ),
    told(
        TimeBound,
        "The mayor of the town is Mrs Okafor.",
        "Who governs the town?",
        "The mayor of the town is Mr Lindqvist.",
    ),
    told(
        TimeBound,
        "The course is taught in Spanish.",
        "In what language are the lessons?",
        "The course is taught in English.",
    ),
    hop(
        "Tomas shares a flat with Ines.",
        "Ines works as a nurse at night.",
        "What is the job of the one who lives with Tomas?",
        "Tomas asked what job the one at the desk lives off.",
    ),
    hop(
        "The red bicycle belongs to Pavel.",
        "Pavel lost his left shoe at sea.",
        "What did the owner of the red bicycle lose?",
        "The red team did lose the race for bicycle owners.",
    ),
    hop(
        "Lena is married to the baker.",
        "The baker gets up at three.",
        "When does Lena's husband rise?",
        "When Lena's star will rise, her husband said, does not matter.",
    ),
    hop(
        "The blue house was built by Arne.",
        "Arne studied in Graz.",
        "Where was the builder of the blue house trained?",
        "The blue train was built where the house of the guards stood.",
    ),
    hop(
        "Sana's tutor is Viktor.",
        "Viktor collects stamps.",
        "What is the hobby of the one who teaches Sana?",
        "Sana teaches what a hobby horse is.",
    ),
    hop(
        "The white cat was found by Mei.",
        "Mei is moving to Porto.",
        "To which city will the finder of the white cat go?",
        "The white city will go to the cat, said the finder of the poem.",
    ),
    hop(
        "The poem about snow is by Idris.",
        "Idris never learned to swim.",
        "What can the author of the snow poem not do?",
        "The author can do what snow and a poem can not.",
    ),
    hop(
        "Olga's boss is Henrik.",
        "Henrik plays the cello.",
        "Which instrument does Olga's superior play?",
        "Olga's play is superior to which instrument you like.",
    ),
    told(Superseded, "He lives in Turin now.", "In which town is his home?", "He lives in Ghent."),
    told(
        Superseded,
        "She drives an electric van.",
        "What vehicle does she have?",
        "She drives a diesel pickup.",
    ),
    told(
        Superseded,
        "They take their coffee black these days.",
        "How do they like their coffee?",
        "They take their coffee with milk.",
    ),
    told(Superseded, "The meeting is on Thursday.", "On what day do we meet?", "The meeting is on Monday."),
    told(
        Superseded,
        "His favourite sport is rowing.",
        "Which sport does he love most?",
        "His favourite sport is tennis.",
    ),
    told(
        Superseded,
        "The password hint is the name of the river.",
        "What is the clue to the password?",
        "The password hint is the name of the mountain.",
    ),
    told(Superseded, "The dog is fed at six.", "When does the dog get its meal?", "The dog is fed at eight."),
    told(
        Superseded,
        "Her phone runs on the new system.",
        "What software is on her phone?",
        "Her phone runs on the old system.",
    ),
];
